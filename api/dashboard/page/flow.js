// How many orders came how far: bars for placed, paid and shipped, with bands between them, and one for cancelled.

import { drawn, element } from "./elements.js";
import { number, share } from "./format.js";

const WIDTH = 320;
const HEIGHT = 130;
const TALLEST = 88;
const BAR = 10;
const MIDDLE = (WIDTH - BAR) / 2;
const END = WIDTH - BAR;

/** Draws the flow of an overview into `place`, with its figures as text. */
export function showFlow(place, flow) {
  const most = Math.max(flow.placed, flow.paid, flow.shipped, flow.cancelled, 1);
  const tall = (count) => Math.max(2, (count / most) * TALLEST);
  const [placed, paid, shipped, cancelled] = [flow.placed, flow.paid, flow.shipped, flow.cancelled].map(tall);
  // Not more can go on, or be lost, than there is: orders of before the period come to it, too.
  const lost = Math.min(cancelled, placed);
  const picture = drawn("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, "aria-hidden": "true" },
    band("paid", BAR, 0, MIDDLE, 0, Math.min(placed, paid)),
    band("shipped", MIDDLE + BAR, 0, END, 0, Math.min(paid, shipped)),
    band("cancelled", BAR, placed - lost, MIDDLE, HEIGHT - cancelled, lost),
    bar("placed", 0, 0, placed),
    bar("paid", MIDDLE, 0, paid),
    bar("shipped", END, 0, shipped),
    bar("cancelled", MIDDLE, HEIGHT - cancelled, cancelled),
  );
  place.replaceChildren(
    element("dl", { class: "flow" },
      figure("Placed", "placed", flow.placed, ""),
      figure("Paid", "paid", flow.paid, share(flow.paid, flow.placed)),
      figure("Shipped", "shipped", flow.shipped, share(flow.shipped, flow.placed)),
      figure("Cancelled", "cancelled", flow.cancelled, share(flow.cancelled, flow.placed))),
    picture,
  );
}

function figure(label, series, count, part) {
  return element("div", { "data-series": series },
    element("dt", {}, label), element("dd", {}, number(count), element("small", {}, part && ` ${part}`)));
}

function bar(series, left, top, height) {
  return drawn("rect", { class: series, x: left, y: top, width: BAR, height, rx: 2 });
}

function band(series, left, from, right, to, height) {
  const half = (left + right) / 2;
  return drawn("path", {
    class: `${series} band`,
    d: `M${left},${from} C${half},${from} ${half},${to} ${right},${to} V${to + height} `
      + `C${half},${to + height} ${half},${from + height} ${left},${from + height} Z`,
  });
}
