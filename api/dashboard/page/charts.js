// The two charts of sales. They draw with uPlot, which index.html loads beforehand as a script of its own.

import { byId, say } from "./elements.js";
import { money, number, numberInShort, timeOfDay } from "./format.js";
import { COUNTED } from "./sales.js";

const { uPlot } = globalThis;
const WHOLE_NUMBERS = [1, 2, 5].flatMap((each) => Array.from({ length: 9 }, (_, power) => each * 10 ** power))
  .sort((one, other) => one - other);
const AXIS_FONT = "12px system-ui, sans-serif";
// The same for both, so that what happened at a time stands above what it brought.
const Y_AXIS_WIDTH = 46;

/** Draws orders and revenue one above the other; what is pointed at in one is pointed at in both. */
export class SalesCharts {
  #points = null;
  #currency = "";
  #orders = new Chart("orders-chart", COUNTED.map(seriesOf), { incrs: WHOLE_NUMBERS }, 5, (place) => this.#read(place));
  #revenue = new Chart("revenue-chart", [bars("revenue")], {}, 1, (place) => this.#read(place));

  /** Shows what `pointsOf` gives. */
  show(points, currency) {
    this.#points = points;
    this.#currency = currency;
    this.#orders.show([points.times, ...COUNTED.map(({ name }) => withoutRest(points[name]))]);
    this.#revenue.show([points.times, points.revenue.map(Number)]);
    const span = `from ${timeOfDay(points.times[0] * 1000)} to ${timeOfDay(points.times.at(-1) * 1000)}`;
    label("orders-chart", `Orders ${span}: ${this.#counts(points.totals)}. ${this.#busiest()}`);
    label("revenue-chart", `Revenue ${span}: ${currency ? money(points.totals.revenue, currency) : "none"}`);
    this.#read(null);
  }

  #read(place) {
    const points = this.#points;
    if (points === null) return;
    if (place === null || place === undefined || points.times[place] === undefined) {
      say(byId("orders-readout"), this.#busiest());
      say(byId("revenue-readout"), "");
      return;
    }
    const at = timeOfDay(points.times[place] * 1000);
    const there = Object.fromEntries(COUNTED.map(({ name }) => [name, points[name][place]]));
    say(byId("orders-readout"), `${at}: ${this.#counts(there)}`);
    say(byId("revenue-readout"), this.#currency && `${at}: ${money(points.revenue[place], this.#currency)}`);
  }

  #counts(counts) {
    return COUNTED.map(({ name, label }) => `${number(counts[name])} ${label.toLowerCase()}`).join(", ");
  }

  #busiest() {
    const { ordersPlaced, times } = this.#points;
    const most = Math.max(...ordersPlaced);
    return most > 0 ? `Most at ${timeOfDay(times[ordersPlaced.indexOf(most)] * 1000)}: ${number(most)} placed` : "";
  }
}

/** A uPlot that is as wide as its place, has the colours of the page, and reaches from zero to `least` or more. */
class Chart {
  #place;
  #plot = null;
  #options;

  constructor(id, series, axis, least, pointed) {
    this.#place = byId(id);
    this.#options = {
      width: 0,
      height: 0,
      padding: [10, 6, 0, 0],
      series: [{}, ...series],
      legend: { show: false },
      cursor: { y: false, drag: { setScale: false }, sync: { key: "sales" }, points: { size: 7 } },
      scales: {
        x: { range: (plot) => within(plot.data[0]) },
        y: { range: (_, lowest, highest) => [Math.min(0, lowest ?? 0), Math.max(least, (highest ?? 0) * 1.08)] },
      },
      axes: [
        axisOf({ values: (_, splits) => splits.map((each) => timeOfDay(each * 1000)), space: 64, size: 24 }),
        axisOf({ values: (_, splits) => splits.map(numberInShort), size: Y_AXIS_WIDTH, ...axis }),
      ],
      hooks: { setCursor: [(plot) => pointed(plot.cursor.left < 0 ? null : plot.cursor.idx)] },
    };
    new ResizeObserver(() => this.#plot?.setSize(this.#size())).observe(this.#place);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#plot?.redraw());
  }

  show(data) {
    if (this.#plot === null) {
      this.#plot = new uPlot({ ...this.#options, ...this.#size() }, data, this.#place);
    } else {
      this.#plot.setData(data);
    }
  }

  #size() {
    return { width: this.#place.clientWidth, height: this.#place.clientHeight };
  }
}

function label(id, text) {
  byId(id).setAttribute("aria-label", text);
}

// Where nothing happens there is no line, which would lie on the axis.
function withoutRest(counts) {
  return counts.map((each, place) => (each || counts[place - 1] || counts[place + 1] ? each : null));
}

function within(times) {
  const half = times.length > 1 ? (times[1] - times[0]) / 2 : 30;
  return [times[0] - half, times.at(-1) + half];
}

function axisOf(options) {
  return {
    font: AXIS_FONT,
    stroke: () => colour("--soft"),
    grid: { stroke: () => colour("--line"), width: 1 },
    ticks: { show: false },
    ...options,
  };
}

// Placed orders are bars; what becomes of them are lines, which differ by their dashes too.
const DASHES = { paid: [], shipped: [2, 3], cancelled: [7, 3] };

function seriesOf({ series }) {
  if (series === "placed") return bars(series);
  return { stroke: () => colour(`--${series}`), width: 2, dash: DASHES[series], points: { show: false } };
}

function bars(series) {
  return {
    fill: () => colour(`--${series}-bar`),
    stroke: () => colour(`--${series}-bar`),
    width: 0,
    paths: uPlot.paths.bars({ size: [0.8, 48] }),
    points: { show: false },
  };
}

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
