// The view of one order: what happened to it, and what it was after each of its events.

import { byId, element, given, keep, say } from "./elements.js";
import { dateAndTime, duration, exactTime, number } from "./format.js";
import { explained } from "./connection.js";
import { Question, read } from "./requests.js";
import { shown } from "./values.js";

const EVERY_MS = 5000;
const CATEGORIES = { order: "order", payment: "payment", stock: "stock", fulfilment: "process" };

/** Shows the order that the address names, and what happens to it meanwhile. */
export class Order {
  title = "Order";
  #watch;
  #orderId = "";
  #events = [];
  #states = new Map();
  #asking = null;

  constructor(watch) {
    this.#watch = watch;
    byId("version").addEventListener("input", () => this.#showVersion());
  }

  show(orderId) {
    if (orderId !== this.#orderId) this.#begin(orderId);
    const question = new Question("order", { id: orderId });
    this.#watch((signal) => question.ask((order) => this.#showStory(order), signal), EVERY_MS);
  }

  #begin(orderId) {
    this.#orderId = orderId;
    this.#events = [];
    this.#states.clear();
    byId("order-heading").replaceChildren("Order ", given(orderId));
    say(byId("order-facts"), "");
    byId("story").replaceChildren();
    byId("past").hidden = true;
  }

  #showStory({ events }) {
    this.#events = events;
    const [first] = events;
    const spent = events.reduce((total, each) => total + (each.charge ?? 0), 0);
    const facts = first === undefined ? [] : [
      `${number(events.length)} events since ${dateAndTime(first.at)}`,
      `within ${duration(between(first, events.at(-1)))}`,
      `written for ${number(spent, 1)} RU`,
    ];
    say(byId("order-facts"), facts.join(", "));
    keep(byId("story"), events, (each) => each.eventId, (each) => this.#row(each));
    this.#showSlider();
  }

  #row(event) {
    const cause = this.#causeOf(event);
    // What an event has in common with its cause is said there.
    const own = (name) => event[name] && event[name] !== cause?.[name];
    const facts = [
      ["because of", this.#because(event, cause)],
      event.function && ["function", given(event.function)],
      event.actor && ["for", given(event.actor)],
      (event.charge ?? null) !== null && ["cost", `${number(event.charge, 2)} RU`],
      (event.bytes ?? null) !== null && ["size", `${number(event.bytes)} bytes`],
      own("correlationId") && ["correlation", given(event.correlationId)],
      own("trace") && ["trace", given(event.trace)],
    ].filter(Boolean);
    const category = CATEGORIES[event.category] ?? event.category;
    const [first] = this.#events;
    const since = event === first ? "" : `+${duration(between(first, event))}`;
    return element("li", { class: "event", "data-category": event.category, tabindex: "-1" },
      element("div", { class: "lanes", "aria-hidden": "true" },
        ...Object.keys(CATEGORIES).map((each) => element("i", { class: each === event.category ? "here" : "" }))),
      element("div", { class: "told" },
        element("p", { class: "what" },
          element("strong", {}, given(event.type)),
          element("span", { class: "tag" }, `${category} ${event.version}`),
          element("time", { datetime: event.at, title: dateAndTime(event.at) }, exactTime(event.at)),
          element("span", { class: "since" }, since)),
        element("dl", { class: "facts" }, ...facts.map(([term, value]) =>
          element("div", {}, element("dt", {}, term), element("dd", {}, value)))),
        element("details", {},
          element("summary", {}, "What it says"),
          element("pre", { dir: "auto" }, JSON.stringify(event.data, null, 2)))));
  }

  #causeOf({ cause }) {
    return this.#events.find((each) => each.stream === cause?.stream && each.version === cause.version);
  }

  #because(event, cause) {
    if (cause !== undefined) {
      return element("button", { type: "button", class: "link", onclick: () => this.#goTo(cause) }, given(cause.type));
    }
    return event.cause ? given(`${event.cause.type} of ${event.cause.stream}`) : "a command of a client";
  }

  #goTo(event) {
    const row = [...byId("story").children].find((each) => each.dataset.key === event.eventId);
    row?.scrollIntoView({ block: "center" });
    row?.focus({ preventScroll: true });
  }

  #versions() {
    return this.#events.filter((each) => each.category === "order");
  }

  #showSlider() {
    const slider = byId("version");
    const newest = this.#versions().at(-1)?.version ?? 0;
    const atEnd = byId("past").hidden || slider.value === slider.max;
    byId("past").hidden = newest === 0;
    if (newest === 0 || (Number(slider.max) === newest && !atEnd)) return;
    slider.max = newest;
    if (atEnd) slider.value = newest;
    this.#showVersion();
  }

  async #showVersion() {
    const slider = byId("version");
    const version = Number(slider.value);
    const event = this.#versions().find((each) => each.version === version);
    const after = event ? [", after ", given(event.type)] : [];
    byId("version-text").replaceChildren(`${version} of ${slider.max}`, ...after);
    slider.setAttribute("aria-valuetext", byId("version-text").textContent);
    this.#asking?.abort();
    const asking = new AbortController();
    this.#asking = asking;
    byId("state").setAttribute("aria-busy", "true");
    try {
      // What an order was does not change any more.
      if (!this.#states.has(version)) {
        this.#states.set(version, await read("state", { id: this.#orderId, version }, asking.signal));
      }
      if (!asking.signal.aborted) showState(shown(this.#states.get(version)));
    } catch (error) {
      if (!asking.signal.aborted) showState(element("p", { class: "bad" }, explained(error).title));
    }
  }
}

function showState(content) {
  byId("state").replaceChildren(content);
  byId("state").removeAttribute("aria-busy");
}

function between(one, other) {
  return (Date.parse(other.at) - Date.parse(one.at)) / 1000;
}
