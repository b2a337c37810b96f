// Asks the service, with a bound for each answer, and tells errors apart by what a reader can do about them.

import { understood } from "./answers.js";
import { askForKey, keyHeader } from "./keys.js";
import { spend } from "./spending.js";

const READ_WITHIN_MS = 10_000;
const RELEASED_WITHIN_MS = 240_000;

// Beside this module, wherever the service has its routes.
const DATA = new URL("../data/", import.meta.url);
const RELEASES = new URL("../releases", import.meta.url);

/** What the service says is wrong. `retryAfter` are seconds, or undefined. */
export class Problem extends Error {
  constructor(status, title, detail, retryAfter) {
    super(detail ? `${title}: ${detail}` : title);
    Object.assign(this, { status, title, detail, retryAfter });
  }
}

/** No answer came: the title says why. */
export class Unreachable extends Error {}

/**
 * A question that is asked again and again: what has not changed since is not sent again.
 *
 * `what` and `parameters` are those of the route `dashboard/data/{what}`.
 */
export class Question {
  #what;
  #address;
  #etag = null;

  constructor(what, parameters = {}) {
    this.#what = what;
    this.#address = new URL(what, DATA);
    this.#address.search = new URLSearchParams(parameters);
  }

  /**
   * Calls `show` with the answer, unless it is the one that was shown last.
   *
   * Raises Problem, Unreachable, Malformed, NoKey, and what `show` raises.
   */
  async ask(show, signal) {
    const headers = this.#etag === null ? {} : { "If-None-Match": this.#etag };
    const response = await send("reading", this.#address, { headers }, READ_WITHIN_MS, signal);
    if (response.status === 304) return;
    show(understood(this.#what, await jsonOf(response)));
    this.#etag = response.headers.get("ETag");
  }
}

/** The answer to a question that is asked once. Raises as `Question.ask` does. */
export async function read(what, parameters, signal) {
  let answer;
  await new Question(what, parameters).ask((shown) => { answer = shown; }, signal);
  return answer;
}

/** Releases what is parked under this name; how many were handled. Raises as `Question.ask` does. */
export async function release(consumer, name) {
  const asked = {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ consumer, name }),
  };
  return understood("release", await jsonOf(await send("releasing", RELEASES, asked, RELEASED_WITHIN_MS)));
}

async function send(kind, address, asked, within, signal) {
  for (;;) {
    const response = await exchange(kind, address, asked, within, signal);
    spend(Number(response.headers.get("x-request-charge") ?? 0));
    if (response.ok || response.status === 304) return response;
    const problem = await problemOf(response);
    // The host refuses a key without a word; where people sign in, the function itself says so.
    if (response.status !== 401 || problem.detail) throw problem;
    await askForKey(kind);
  }
}

async function exchange(kind, address, asked, within, signal) {
  const bound = AbortSignal.timeout(within);
  try {
    return await fetch(address, {
      ...asked,
      headers: { ...asked.headers, ...keyHeader(kind) },
      cache: "no-store",
      redirect: "error",
      signal: signal ? AbortSignal.any([signal, bound]) : bound,
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    if (bound.aborted) throw new Unreachable(`The service has not answered within ${within / 1000} s.`);
    throw new Unreachable("The service cannot be reached.");
  }
}

async function problemOf(response) {
  const retryAfter = Number(response.headers.get("Retry-After")) || undefined;
  let said = {};
  if (response.headers.get("Content-Type")?.startsWith("application/problem+json")) {
    said = await response.json().catch(() => ({}));
  }
  const title = typeof said?.title === "string" ? said.title : `The service answered ${response.status}.`;
  return new Problem(response.status, title, typeof said?.detail === "string" ? said.detail : "", retryAfter);
}

async function jsonOf(response) {
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
