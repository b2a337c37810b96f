// The view of what is parked and what is dead, and the release of what is parked.

import { showBadge } from "./badge.js";
import { explained } from "./connection.js";
import { byId, element, given, keep, say } from "./elements.js";
import { dateAndTime, number } from "./format.js";
import { NoKey } from "./keys.js";
import { deadLettersIn, showBars } from "./live.js";
import { Question, read, release } from "./requests.js";

const EVERY_MS = 5000;

/** Shows what waits, and asks before it releases something. */
export class Waiting {
  title = "Waiting";
  #watch;

  constructor(watch) {
    this.#watch = watch;
  }

  show() {
    const question = new Question("waiting");
    this.#watch((signal) => question.ask((waiting) => this.#showAll(waiting), signal), EVERY_MS);
  }

  #showAll({ parked, deadLetters, more }) {
    say(byId("waiting-facts"), parked.length === 0
      ? "Nothing is parked: every event and message has been handled, or will be."
      : `${number(parked.length)} parked${more ? ", and there are more" : ""}. `
        + "Mend the cause, then release: what waits is handled in its order.");
    keep(byId("parked"), parked, keyOf, newRow, (row, each) => {
      renew(row, each);
      row.querySelector("button").onclick = () => this.#release(each, row);
    });
    const some = (deadLetters ?? []).filter((each) => each.count > 0);
    byId("dead-facts").replaceChildren(...(some.length === 0 ? deadLettersIn(deadLetters) : []));
    byId("dead-advice").hidden = some.length === 0;
    showBadge(parked.length, deadLetters, more);
    showBars(byId("dead-counts"), some.map(({ entity, count }) => [entity, count, "cancelled"]));
  }

  async #release(each, row) {
    const button = row.querySelector("button");
    const result = row.querySelector(".result");
    if (!(await confirmed(each))) return;
    button.disabled = true;
    result.className = "result";
    say(result, "Releasing …");
    try {
      const { handled, released } = await release(each.consumer, each.name);
      say(result, "");
      byId("release-result").replaceChildren(given(each.name), released
        ? ` is released: ${number(handled)} handled.`
        : ` is not released yet: ${number(handled)} handled, then time ran out. Release it again to go on.`);
      this.show();
    } catch (error) {
      const { title, detail } = explained(error);
      result.className = "result bad";
      say(result, error instanceof NoKey ? "Without a key nothing is released." : `${title} ${detail}`.trim());
    }
    button.disabled = false;
  }
}

function keyOf(each) {
  return JSON.stringify([each.consumer, each.name]);
}

function newRow(each) {
  return element("li", { class: "card" },
    element("div", { class: "heading" },
      element("h3", {}, given(each.name)),
      element("span", { class: "tag" }, given(`${each.kind} of ${each.consumer}`))),
    element("p", { class: "reason" }),
    element("pre", { dir: "auto", class: "error" }),
    element("dl", { class: "facts" }),
    element("details", { ontoggle: (event) => showPayload(event.currentTarget, each) },
      element("summary", {}, "Show what it says"), element("p", { class: "facts" }), element("div", {})),
    element("div", { class: "row" },
      element("button", { type: "button" }, "Release"),
      element("p", { class: "result", role: "status" })));
}

function renew(row, each) {
  row.querySelector(".reason").replaceChildren(given(each.reason));
  say(row.querySelector(".error"), each.error);
  const first = row.querySelector("details > p");
  first.hidden = each.waiting < 2;
  say(first, `The first of ${number(each.waiting)} that wait:`);
  const facts = [
    ["since", dateAndTime(each.since)],
    ["attempts", number(each.attempts)],
    ["waiting", number(each.waiting)],
    each.type && ["type", given(each.type)],
    (each.version ?? null) !== null && ["version", number(each.version)],
    each.trace && ["trace", given(each.trace)],
  ].filter(Boolean);
  row.querySelector("dl.facts").replaceChildren(...facts.map(([term, value]) =>
    element("div", {}, element("dt", {}, term), element("dd", {}, value))));
}

async function showPayload(details, { consumer, name }) {
  if (!details.open) return;
  const place = details.querySelector("div");
  place.replaceChildren("Loading …");
  try {
    const { payload, text, traceback, trace } = await read("payload", { consumer, name });
    place.replaceChildren(
      element("pre", { dir: "auto" }, text ?? JSON.stringify(payload, null, 2)),
      ...(trace ? [element("p", { class: "facts" }, "trace ", given(trace))] : []),
      ...(traceback ? [element("pre", { dir: "auto", class: "error" }, traceback)] : []));
  } catch (error) {
    place.replaceChildren(element("p", { class: "bad" }, explained(error).title));
  }
}

async function confirmed(each) {
  const dialog = byId("release-dialog");
  const those = each.waiting === 1 ? "the one that waits is" : `the ${number(each.waiting)} that wait are`;
  byId("release-about").replaceChildren(
    given(each.name), " of ", given(each.consumer), `: ${those} handled now, in order.`);
  dialog.returnValue = "";
  byId("release-confirmed").onclick = () => dialog.close("release");
  const closed = new Promise((resolve) => {
    dialog.addEventListener("close", resolve, { once: true });
  });
  dialog.showModal();
  await closed;
  return dialog.returnValue === "release";
}
