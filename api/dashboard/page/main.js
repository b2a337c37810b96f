// Shows the view that the address names, and asks for it while somebody looks.

import { Connection } from "./connection.js";
import { byId } from "./elements.js";
import { NoKey } from "./keys.js";
import { Live } from "./live.js";
import { Order } from "./order.js";
import { Poll } from "./polling.js";
import { Problem } from "./requests.js";
import { Search } from "./search.js";
import { Waiting } from "./waiting.js";

const connection = new Connection();
const poll = new Poll(connection, hopeless);
const views = {
  live: new Live(watch),
  orders: new Search(watch),
  order: new Order(watch),
  waiting: new Waiting(watch),
};
let current = null;

function hopeless(error) {
  if (error instanceof NoKey) return true;
  // The host says 404 without a word while it starts; the service says what there is not.
  return error instanceof Problem && [400, 404].includes(error.status) && error.detail !== "";
}

function watch(ask, everyMs) {
  connection.begin(everyMs);
  poll.start(ask, everyMs);
}

function showAddressed() {
  const [name, ...rest] = location.hash.slice(1).split("/");
  const parameter = rest.join("/");
  const chosen = name in views && (name !== "order" || parameter) ? name : "live";
  for (const each of Object.keys(views)) byId(`view-${each}`).hidden = each !== chosen;
  for (const link of document.querySelectorAll("header nav a")) {
    const here = link.hash === `#${chosen}` || (chosen === "order" && link.hash === "#orders");
    if (here) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = `${views[chosen].title} · Orders`;
  // Who goes from view to view by keyboard or ear begins at its heading; whoever has just come begins at the top.
  if (current !== null) {
    window.scrollTo(0, 0);
    byId(`view-${chosen}`).querySelector("h2").focus();
  }
  current = chosen;
  views[chosen].show(decoded(parameter));
}

function decoded(parameter) {
  try {
    return decodeURIComponent(parameter);
  } catch {
    return parameter;
  }
}

for (const button of document.querySelectorAll("dialog [data-close]")) {
  button.addEventListener("click", () => button.closest("dialog").close());
}
document.querySelector(".skip").addEventListener("click", (event) => {
  // The address is that of a view.
  event.preventDefault();
  byId("content").focus();
});
byId("try-now").addEventListener("click", () => poll.now());
window.addEventListener("hashchange", showAddressed);
showAddressed();
