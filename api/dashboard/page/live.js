// The view of what happens now.

import { showBadge } from "./badge.js";
import { SalesCharts } from "./charts.js";
import { byId, element, given, keep, say, tableOf } from "./elements.js";
import { showFlow } from "./flow.js";
import { dateAndTime, duration, money, number, timeOfDay } from "./format.js";
import { Question } from "./requests.js";
import { COUNTED, currenciesOf, pointsOf } from "./sales.js";

const EVERY_MS = 1000;
const STATUS = { well: "All is well", degraded: "Degraded", down: "Down" };

/** Asks for the overview every second while it is shown. `watch` is what `main.js` gives to its views. */
export class Live {
  title = "Live";
  #watch;
  #charts = new SalesCharts();
  #overview = null;
  #currency = "";

  constructor(watch) {
    this.#watch = watch;
    for (const choice of document.querySelectorAll("input[name=window]")) {
      choice.addEventListener("change", () => this.show());
    }
    byId("currency").addEventListener("change", (event) => {
      this.#currency = event.target.value;
      this.#showSales();
    });
    byId("sales-details").addEventListener("toggle", () => this.#showSales());
  }

  show() {
    const window = document.querySelector("input[name=window]:checked").value;
    const question = new Question("overview", { window });
    this.#watch((signal) => question.ask((overview) => this.#showAll(overview), signal), EVERY_MS);
  }

  #showAll(overview) {
    this.#overview = overview;
    byId("live-columns").hidden = false;
    this.#showCurrencies();
    this.#showSales();
    showFlow(byId("flow"), overview.flow);
    this.#showOpen();
    this.#showHealth();
    this.#showHint();
  }

  #showCurrencies() {
    const currencies = currenciesOf(this.#overview);
    if (!currencies.includes(this.#currency)) this.#currency = currencies[0] ?? "";
    byId("currency-choice").hidden = currencies.length === 0;
    keep(byId("currency"), currencies, (each) => each, (each) => element("option", { value: each }, each));
    byId("currency").value = this.#currency;
  }

  #showSales() {
    if (this.#overview === null) return;
    const currency = this.#currency;
    const points = pointsOf(this.#overview, currency);
    const hourly = this.#overview.step >= 3600;
    for (const place of document.querySelectorAll("[data-step]")) say(place, hourly ? "per hour" : "per minute");
    say(byId("revenue-currency"), currency && `in ${currency}`);
    byId("all-currencies").hidden = currenciesOf(this.#overview).length < 2;
    this.#charts.show(points, currency);
    const tiles = [
      { label: "Revenue", series: "revenue", text: currency ? money(points.totals.revenue, currency) : "–" },
      ...COUNTED.map(({ name, label, series }) => ({ label, series, text: number(points.totals[name]) })),
    ];
    keep(byId("totals"), tiles, (each) => each.series, tile, (made, each) => say(made.lastChild, each.text));
    if (byId("sales-details").open) this.#showTable(points, currency);
  }

  #showTable(points, currency) {
    const at = this.#overview.step >= 3600 ? dateAndTime : timeOfDay;
    const rows = points.times.map((time, place) => ({ time, place }))
      .filter(({ place }) => points.revenue[place] !== "0" || COUNTED.some(({ name }) => points[name][place] > 0))
      .reverse()
      .map(({ time, place }) => [
        at(time * 1000),
        ...COUNTED.map(({ name }) => number(points[name][place])),
        money(points.revenue[place], currency),
      ]);
    byId("sales-table").replaceChildren(
      ...tableOf(["Time", ...COUNTED.map(({ label }) => label), "Revenue"], rows, [1, 2, 3, 4, 5]));
  }

  #showOpen() {
    const { placed, awaitingPayment, confirmed } = this.#overview.open;
    const rows = [
      ["Being processed", Math.max(0, placed - awaitingPayment), "placed"],
      ["Awaiting payment", awaitingPayment, "placed"],
      ["Awaiting shipment", confirmed, "paid"],
    ];
    showBars(byId("open"), rows);
  }

  #showHealth() {
    const { status, consumers, deadLetters } = this.#overview;
    const state = byId("status");
    state.replaceChildren(given(STATUS[status] ?? status));
    state.dataset.state = status;
    byId("consumers").replaceChildren(...tableOf(
      ["Consumer", "Behind", "Parked"],
      consumers.map((each) => [
        given(each.consumer), behind(each), each.parked > 0 ? marked(number(each.parked)) : "0",
      ]),
      [1, 2],
    ));
    byId("dead-letters").replaceChildren(...deadLettersIn(deadLetters));
    showBadge(consumers.reduce((total, each) => total + each.parked, 0), deadLetters);
  }

  #showHint() {
    const { flow, open, step } = this.#overview;
    const empty = Object.values({ ...flow, ...open }).every((each) => each === 0);
    const hint = byId("nothing-yet");
    hint.hidden = !empty;
    if (!empty || hint.childElementCount > 0) return;
    const post = (path, key, body) =>
      `curl ${new URL(path, document.baseURI)} -H 'Content-Type: application/json' \\\n  -H 'Idempotency-Key: ${key}' `
      + `-d '${body}'`;
    hint.append(
      element("h3", {}, `No orders in the last ${step >= 3600 ? "day" : "hour"}`),
      element("p", {}, "Receive stock and place an order, and it appears here within a second or two:"),
      element("pre", {}, [
        post("stock/mug/receipts", "first-receipt", '{"quantity": 10}'),
        post("orders", "first-order", '{"customerId": "ada", "lines": [{"sku": "mug", "quantity": 2, '
          + '"unitPrice": {"amount": "12.50", "currency": "EUR"}}]}'),
      ].join("\n\n")),
      element("p", {}, "The ", element("a", { href: "docs" }, "description of the interface"),
        " has the other commands: report a payment, ship, cancel."),
    );
  }
}

/** What `deadLetters` of an answer says, as the texts and elements of a sentence. */
export function deadLettersIn(deadLetters) {
  if (deadLetters === null || deadLetters === undefined) return ["The bus does not say whether it has dead letters."];
  const some = deadLetters.filter((each) => each.count > 0);
  if (some.length === 0) return ["No dead letters."];
  return ["Dead letters:", ...some.flatMap(({ entity, count }) => [` ${number(count)} of `, given(entity)])];
}

/** Rows of label, count and series as bars, the longest of them as wide as there is room. */
export function showBars(place, rows) {
  const most = Math.max(1, ...rows.map(([, count]) => count));
  keep(place, rows, ([label]) => label, ([label, , series]) =>
    element("div", { "data-series": series }, element("dt", {}, given(label)), element("dd", {})),
  (row, [, count]) => {
    say(row.querySelector("dd"), number(count));
    row.style.setProperty("--share", count / most);
  });
}

function tile({ label, series }) {
  return element("div", { class: "tile", "data-series": series }, element("dt", {}, label), element("dd", {}));
}

function behind({ documents, seconds, state }) {
  if (documents === null || documents === undefined) return "–";
  const lag = documents === 0 ? "0" : `${number(documents)} · ${duration(seconds ?? 0)}`;
  return !state || state === "owned" ? lag : element("span", {}, marked(state), ` ${lag}`);
}

function marked(text) {
  return element("strong", { class: "bad" }, text);
}
