// Numbers, money and times as the reader's own language writes them.

/** A count, or with `digits` a number that has so many places at most. */
export function number(value, digits = 0) {
  return new Intl.NumberFormat(undefined, { maximumFractionDigits: digits }).format(value);
}

/** The same for an axis, where it has little room: "12K". */
export function numberInShort(value) {
  return new Intl.NumberFormat(undefined, { notation: "compact", maximumFractionDigits: 1 }).format(value);
}

/** An amount of money; `amount` is a decimal as text, such as "12.50", and stays exact. */
export function money(amount, currency) {
  try {
    return new Intl.NumberFormat(undefined, { style: "currency", currency }).format(amount);
  } catch (error) {
    // A code that is none in this browser.
    if (error instanceof RangeError) return `${amount} ${currency}`;
    throw error;
  }
}

/** The exact sum of decimals that are texts. */
export function sum(amounts) {
  const places = amounts.reduce((most, each) => Math.max(most, fraction(each).length), 0);
  const units = amounts.reduce((total, each) => total + BigInt(whole(each) + fraction(each).padEnd(places, "0")), 0n);
  if (places === 0) return String(units);
  const digits = String(units < 0n ? -units : units).padStart(places + 1, "0");
  return `${units < 0n ? "-" : ""}${digits.slice(0, -places)}.${digits.slice(-places)}`;
}

function whole(amount) {
  return amount.split(".")[0];
}

function fraction(amount) {
  return amount.split(".")[1] ?? "";
}

/** A part of a whole: "83 %", or nothing where there is no whole. */
export function share(part, all) {
  return all > 0 ? new Intl.NumberFormat(undefined, { style: "percent" }).format(part / all) : "";
}

/** How long something took or is ago: "0.27 s", "12 s", "3 min", "2 h". */
export function duration(seconds) {
  if (seconds < 10 && !Number.isInteger(seconds)) return `${FINE.format(seconds)} s`;
  if (seconds < 120) return `${number(seconds)} s`;
  if (seconds < 7200) return `${number(seconds / 60)} min`;
  return seconds < 172800 ? `${number(seconds / 3600)} h` : `${number(seconds / 86400)} days`;
}

const FINE = new Intl.NumberFormat(undefined, { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const TIME = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const EXACT_TIME = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3,
});
const DATE_AND_TIME = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

/** Hour and minute of a moment; like those below, in the time zone of the reader. */
export function timeOfDay(at) {
  return TIME.format(new Date(at));
}

/** With milliseconds. */
export function exactTime(at) {
  return EXACT_TIME.format(new Date(at));
}

/** With its date. */
export function dateAndTime(at) {
  return DATE_AND_TIME.format(new Date(at));
}
