// Sales as a chart needs them: a value for each point of time, whether or not something was sold.

import { sum } from "./format.js";

/** The kinds of orders that are counted, by the names that the answer has for them. */
export const COUNTED = [
  { name: "ordersPlaced", label: "Placed", series: "placed" },
  { name: "ordersPaid", label: "Paid", series: "paid" },
  { name: "ordersShipped", label: "Shipped", series: "shipped" },
  { name: "ordersCancelled", label: "Cancelled", series: "cancelled" },
];

/** The currencies of an overview, the one with the most orders first. */
export function currenciesOf(overview) {
  const orders = new Map();
  for (const { currency, ordersPlaced } of overview.sales) {
    orders.set(currency, (orders.get(currency) ?? 0) + ordersPlaced);
  }
  return [...orders.keys()].sort((one, other) => orders.get(other) - orders.get(one) || (one < other ? -1 : 1));
}

/**
 * The points of an overview in one currency: `times` in seconds, the counts by their names, `revenue` as decimals.
 * `totals` has the sum of each.
 */
export function pointsOf(overview, currency) {
  const { step } = overview;
  const from = Date.parse(overview.from) / 1000;
  const length = Math.ceil((Date.parse(overview.to) / 1000 - from) / step);
  const zeros = (zero) => new Array(length).fill(zero);
  const points = { times: zeros(0).map((_, place) => from + place * step), revenue: zeros("0") };
  for (const { name } of COUNTED) points[name] = zeros(0);
  for (const sales of overview.sales) {
    const place = Math.floor((Date.parse(sales.at) / 1000 - from) / step);
    if (sales.currency !== currency || place < 0 || place >= length) continue;
    for (const { name } of COUNTED) points[name][place] += sales[name];
    points.revenue[place] = sum([points.revenue[place], sales.revenue]);
  }
  const totals = { revenue: sum(points.revenue) };
  for (const { name } of COUNTED) totals[name] = points[name].reduce((total, each) => total + each, 0);
  return { ...points, totals };
}
