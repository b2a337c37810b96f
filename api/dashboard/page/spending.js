// What this page makes the service spend, by the header x-request-charge of its answers.

import { byId, say } from "./elements.js";
import { number } from "./format.js";

const MINUTE_MS = 60_000;

let all = 0;
let recent = [];

/** Counts the charge of an answer, in RU. */
export function spend(charge) {
  if (!(charge > 0)) return;
  all += charge;
  recent.push({ at: performance.now(), charge });
}

/** Shows it. The last minute is that of the browser's monotonic clock. */
export function showSpending() {
  const now = performance.now();
  recent = recent.filter((each) => now - each.at < MINUTE_MS);
  const minute = recent.reduce((total, each) => total + each.charge, 0);
  say(byId("spending"), `This page: ${number(minute, 1)} RU in the last minute, ${number(all, 1)} RU in all`);
}
