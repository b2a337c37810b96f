// Says how old what the page shows is, and what is wrong if it does not come anew.

import { Malformed } from "./answers.js";
import { byId, say } from "./elements.js";
import { duration } from "./format.js";
import { NoKey } from "./keys.js";
import { Problem } from "./requests.js";
import { showSpending } from "./spending.js";

/** Listens to a poll. Ages are those of the browser's monotonic clock: no other clock has a part in them. */
export class Connection {
  #answeredAt = null;
  #freshMs = 0;
  #trouble = null;

  constructor() {
    setInterval(() => this.#tick(), 1000);
  }

  /** What the page shows from now on is asked for so often; null: once, and nothing is said of its age. */
  begin(everyMs) {
    this.#answeredAt = null;
    this.#freshMs = everyMs === null ? Infinity : everyMs + 2000;
    byId("freshness").hidden = everyMs === null;
    this.#troubled(null);
    this.#tick();
  }

  answered() {
    this.#answeredAt = performance.now();
    if (this.#trouble !== null) announce("The page is up to date again.");
    this.#troubled(null);
    this.#tick();
  }

  /** `pause` are the seconds until the page asks again; null: it does not. */
  failed(error, pause) {
    this.#troubled(explained(error), pause);
    this.#tick();
  }

  #troubled(trouble, pause) {
    byId("trouble").hidden = trouble === null;
    if (trouble !== null) {
      say(byId("trouble-title"), trouble.title);
      say(byId("trouble-detail"), [trouble.detail, pause && `The page asks again in ${duration(Math.ceil(pause))}.`]
        .filter(Boolean).join(" "));
      byId("try-now").hidden = pause === null && !trouble.action;
      say(byId("try-now"), trouble.action ?? "Try now");
      byId("sign-in").hidden = !trouble.signIn;
      byId("sign-in").search = new URLSearchParams({ post_login_redirect_uri: location.pathname });
      if (trouble.title !== this.#trouble?.title) announce(`${trouble.title} ${trouble.detail}`);
    }
    this.#trouble = trouble;
  }

  #tick() {
    const place = byId("freshness");
    const age = this.#answeredAt === null ? null : performance.now() - this.#answeredAt;
    const state = age === null ? "loading" : age > this.#freshMs ? "stale" : "fresh";
    place.dataset.state = this.#trouble !== null && state === "loading" ? "stale" : state;
    say(place, {
      loading: this.#trouble === null ? "Loading" : "Nothing yet",
      fresh: "Up to date",
      stale: `Stale for ${duration(Math.floor((age ?? 0) / 1000))}`,
    }[state]);
    showSpending();
  }
}

/** Says it to those who listen instead of looking. */
function announce(text) {
  say(byId("announcements"), text);
}

/** What is wrong, and what the reader can do about it. */
export function explained(error) {
  if (error instanceof NoKey) {
    return { title: "Without a key the service shows nothing.", detail: "", action: "Enter the key" };
  }
  if (error instanceof Malformed) {
    return {
      title: "The service answered something that this page does not understand.",
      detail: `Reload the page: it may be older than the service. (${error.message})`,
    };
  }
  if (error instanceof Problem) return { title: error.title, detail: error.detail, signIn: error.status === 401 };
  return { title: error.message, detail: "" };
}
