// The view that finds orders.

import { byId, element, given, say, tableOf } from "./elements.js";
import { dateAndTime, number } from "./format.js";
import { read } from "./requests.js";

/** Finds by the id of an order, a customer or a correlation. */
export class Search {
  title = "Find an order";
  #watch;
  #found = [];
  #continuation = null;
  #text = "";

  constructor(watch) {
    this.#watch = watch;
    byId("search").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#found = [];
      this.#text = byId("search-text").value.trim();
      this.#find({ q: this.#text });
    });
    byId("more-orders").addEventListener("click", () => {
      this.#find({ q: this.#text, continuation: this.#continuation });
    });
  }

  show() {
    this.#watch(async () => {}, null);
    byId("search-text").focus();
  }

  #find(parameters) {
    this.#watch(async (signal) => {
      const answer = await read("search", parameters, signal);
      this.#continuation = answer.continuation ?? null;
      this.#found = [...this.#found, ...answer.orders];
      const [only] = this.#found;
      if (this.#found.length === 1 && only.by === "order") location.hash = addressOf(only.orderId);
      this.#showFound();
    }, null);
  }

  #showFound() {
    const found = this.#found;
    const more = this.#continuation !== null;
    say(byId("found"), found.length === 0
      ? "Nothing has this id. Ids are found whole, not by a part of them."
      : `${number(found.length)} ${found.length === 1 ? "order" : "orders"}${more ? ", and there are more" : ""}`);
    byId("found-orders").parentElement.hidden = found.length === 0;
    byId("more-orders").hidden = !more;
    byId("found-orders").replaceChildren(...tableOf(
      ["Order", "Customer", "Status", "Placed", "Found by"],
      found.map((each) => [
        element("a", { href: `#${addressOf(each.orderId)}` }, given(each.orderId)),
        given(each.customerId ?? "–"),
        given(each.status ?? "–"),
        each.placedAt ? dateAndTime(each.placedAt) : "–",
        given(each.by),
      ]),
    ));
  }
}

function addressOf(orderId) {
  return `order/${encodeURIComponent(orderId)}`;
}
