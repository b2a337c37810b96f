// What the service answers, as far as this page uses it. An answer of another shape is refused before it is shown.

/** An answer that this page does not understand; the message says where. */
export class Malformed extends Error {}

function check(is, what) {
  return (value, place) => {
    if (!is(value)) throw new Malformed(`${place} is no ${what}`);
  };
}

function record(fields) {
  return (value, place) => {
    if (value === null || typeof value !== "object") throw new Malformed(`${place} is no object`);
    for (const [name, shape] of Object.entries(fields)) shape(value[name], `${place}.${name}`);
  };
}

function list(shape) {
  return (value, place) => {
    if (!Array.isArray(value)) throw new Malformed(`${place} is no list`);
    value.forEach((each, index) => shape(each, `${place}[${index}]`));
  };
}

function orNull(shape) {
  return (value, place) => {
    if (value !== null && value !== undefined) shape(value, place);
  };
}

const anything = () => {};
const text = check((value) => typeof value === "string", "text");
const number = check(Number.isFinite, "number");
const count = check((value) => Number.isInteger(value) && value >= 0, "count");
const decimal = check((value) => typeof value === "string" && /^-?\d{1,40}(\.\d{1,20})?$/.test(value), "decimal");
const moment = check((value) => typeof value === "string" && !Number.isNaN(Date.parse(value)), "date-time");
const flag = check((value) => typeof value === "boolean", "boolean");

const deadLetters = orNull(list(record({ entity: text, count })));

const MOST_POINTS = 3000;

/** Whether `value` is what the service answers under this name; returns it. Raises Malformed. */
export function understood(what, value) {
  SHAPES[what](value, "the answer");
  return value;
}

function overview(value, place) {
  record({
    from: moment,
    to: moment,
    step: check((each) => Number.isInteger(each) && each > 0, "number of seconds"),
    sales: list(record({
      at: moment, currency: text, ordersPlaced: count, ordersPaid: count, ordersShipped: count, ordersCancelled: count,
      revenue: decimal,
    })),
    open: record({ placed: count, awaitingPayment: count, confirmed: count }),
    flow: record({ placed: count, paid: count, shipped: count, cancelled: count }),
    status: text,
    consumers: list(record({
      consumer: text, parked: count, documents: orNull(number), seconds: orNull(number), state: orNull(text),
    })),
    deadLetters,
  })(value, place);
  const points = (Date.parse(value.to) - Date.parse(value.from)) / 1000 / value.step;
  if (!(points > 0 && points <= MOST_POINTS)) throw new Malformed(`${place} has ${points} points`);
}

const SHAPES = {
  overview,
  order: record({
    orderId: text,
    events: list(record({
      stream: text, category: text, version: count, type: text, at: moment, eventId: text, correlationId: orNull(text),
      cause: orNull(record({ stream: text, version: count, type: text })),
      function: orNull(text), actor: orNull(text), trace: orNull(text), bytes: orNull(number), charge: orNull(number),
      data: anything,
    })),
  }),
  state: record({}),
  search: record({
    orders: list(record({
      orderId: text, customerId: orNull(text), status: orNull(text), placedAt: orNull(moment), by: text,
    })),
    continuation: orNull(text),
  }),
  waiting: record({
    parked: list(record({
      consumer: text, name: text, kind: text, version: orNull(count), type: orNull(text), reason: text, error: text,
      trace: orNull(text), since: moment, attempts: count, waiting: count,
    })),
    deadLetters,
    more: flag,
  }),
  payload: record({ trace: orNull(text), traceback: orNull(text), text: orNull(text) }),
  release: record({ handled: count, released: flag }),
};
