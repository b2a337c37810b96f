// The number beside the link to what waits.

import { byId, say } from "./elements.js";
import { number } from "./format.js";

/** Shows how much waits: what is `parked` and what `deadLetters` of an answer count. `more`: it is at least so much. */
export function showBadge(parked, deadLetters, more = false) {
  const waiting = (deadLetters ?? []).reduce((total, each) => total + each.count, parked);
  byId("waiting-count").hidden = waiting === 0;
  say(byId("waiting-count"), waiting > 0 ? `${number(waiting)}${more ? "+" : ""}` : "");
}
