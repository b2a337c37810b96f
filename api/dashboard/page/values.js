// Shows any JSON value for reading: objects as terms, lists of objects as tables, money as money, dates as dates.

import { element, given, tableOf } from "./elements.js";
import { dateAndTime, money, number } from "./format.js";

const DATE_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

/** The value as an element or a text. */
export function shown(value) {
  if (value === null || value === undefined) return "–";
  if (typeof value === "number") return number(value, 6);
  if (typeof value === "string") return DATE_TIME.test(value) ? dateAndTime(value) : given(value);
  if (typeof value !== "object") return String(value);
  if (Array.isArray(value)) return listOf(value);
  if (isMoney(value)) return money(value.amount, value.currency);
  return element("dl", { class: "terms" }, ...Object.entries(value).map(([name, each]) =>
    element("div", {}, element("dt", {}, given(inWords(name))), element("dd", {}, shown(each)))));
}

function listOf(values) {
  if (values.length === 0) return "none";
  if (!values.every((each) => each !== null && typeof each === "object" && !Array.isArray(each))) {
    return element("ul", {}, ...values.map((each) => element("li", {}, shown(each))));
  }
  const names = [...new Set(values.flatMap(Object.keys))];
  const table = element("table", {}, ...tableOf(
    names.map((each) => given(inWords(each))), values.map((each) => names.map((name) => shown(each[name])))));
  return element("div", { class: "scrolled", role: "region", "aria-label": "Lines", tabindex: "0" }, table);
}

function isMoney(value) {
  return Object.keys(value).length === 2 && typeof value.currency === "string"
    && typeof value.amount === "string" && /^-?\d+(\.\d+)?$/.test(value.amount);
}

function inWords(name) {
  return name.replace(/([a-z])([A-Z])/g, (_, end, begin) => `${end} ${begin.toLowerCase()}`);
}
