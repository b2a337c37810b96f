"""Why an order is where it is: what its streams say, in words, and what is in its way."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal, assert_never

from domain.fulfilment.state import Fulfilment, FulfilmentState
from domain.fulfilment.waiting import Wait, waits
from domain.order.aggregate import ORDER
from domain.order.state import Cancelled, Confirmed, OrderState, Shipped
from domain.payment.aggregate import PAYMENT
from domain.payment.commands import ExpirePayment
from domain.payment.events import SurplusReceived, SurplusRefunded
from domain.payment.state import Failed, PaymentState, Processed, Refunded
from domain.registry import FULFILMENT
from domain.stock.events import StockDispatched, StockReleased, StockReservationRefused, StockReserved
from engine.deciding.aggregate import Aggregate
from engine.storing.events import RecordedEvent, time_at_rest

Recorded = Sequence[RecordedEvent[Any]]

_SECONDS: Final = timedelta(minutes=1)
"""What the service does within seconds has taken too long after this."""

_TOLD: Final = 3
"""Of what there is more of, so much is told."""


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Is in the way of an order: `says` what is wrong, and `look` is the command of operate that shows more of it."""

    kind: Literal["parked", "dead", "behind", "unreadable"]
    where: str
    name: str
    says: str
    look: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Situation:
    """Holds all that is known of an order at `now`, one event at least.

    `stock` is what came of the commands to the stock that its process waits for. `no_dead_letters` says why dead
    letters are not known, if they are not.
    """

    order_id: str
    now: datetime
    order: Recorded
    payment: Recorded
    process: Recorded
    stock: Recorded = ()
    obstacles: Sequence[Obstacle] = ()
    no_dead_letters: str | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """Says since when something is waited for, until when at most, and whether it takes longer than it should."""

    wait: Wait
    since: datetime
    until: datetime | None
    overdue: bool


@dataclass(frozen=True, slots=True)
class Explanation:
    """`text` says all of it in a paragraph, and the commands of operate in `look` show more."""

    order: str | None
    payment: str | None
    waiting: Sequence[Waiting]
    text: str
    look: Sequence[str]


def explain(situation: Situation) -> Explanation:
    """Says why an order is where it is."""
    waiting = [*_waiting(situation)]
    overdue = any(each.overdue for each in waiting)
    said = [
        _of_the_order(situation),
        *_of_the_process(waiting, situation.now),
        *_of_the_obstacles(situation.obstacles),
        *_of_the_bus(situation.no_dead_letters),
    ]
    return Explanation(
        order=_status(situation.order),
        payment=_status(_without_surplus(situation.payment)),
        waiting=waiting,
        text=" ".join(said),
        look=[*_look(situation, overdue=overdue)],
    )


def _waiting(situation: Situation) -> Iterator[Waiting]:
    due = _payment_is_due(situation.process)
    for wait, since in _since(situation).items():
        match wait.by:
            case "service":
                yield Waiting(wait, since, None, situation.now - since > _SECONDS)
            case "customer":
                yield Waiting(wait, since, due, due is not None and situation.now - due > _SECONDS)
            case "warehouse":
                yield Waiting(wait, since, None, overdue=False)
            case _:
                assert_never(wait.by)


def _since(situation: Situation) -> Mapping[Wait, datetime]:
    """Returns what is waited for, each with when that began.

    What has happened already is waited for no longer, but for the process to hear of it.
    """
    decider, order_id = FULFILMENT.decider, situation.order_id
    state: FulfilmentState = decider.initial
    began = (*situation.order, *situation.payment, *situation.process)[0].occurred_at
    found = dict.fromkeys(waits(order_id, state), began)
    for each in situation.process:
        state = decider.evolve(state, each.event)
        found = {wait: found.get(wait, each.occurred_at) for wait in waits(order_id, state)}
    unheard = dict(_unheard(situation, state))
    happened = {each.stream_id for each in unheard}
    return {**{wait: since for wait, since in found.items() if wait.stream_id not in happened}, **unheard}


def _unheard(situation: Situation, process: FulfilmentState) -> Iterator[tuple[Wait, datetime]]:
    if not isinstance(process, Fulfilment):
        return
    order: OrderState = _folded(ORDER, situation.order)
    match order:
        case Confirmed() if process.order in ("placed", "confirming"):
            yield _to_hear("the order is confirmed", situation.order)
        case Shipped() if process.order != "shipped":
            yield _to_hear("the order is shipped", situation.order)
        case Cancelled() if process.order != "cancelled":
            yield _to_hear("the order is cancelled", situation.order)
    payment: PaymentState = _folded(PAYMENT, situation.payment)
    match payment:
        case Processed() if process.payment in ("none", "requested", "failed"):
            yield _to_hear("the payment has arrived", _without_surplus(situation.payment))
        case Failed() if process.payment in ("none", "requested"):
            yield _to_hear("no payment will come", situation.payment)
        case Refunded() if process.payment != "refunded":
            yield _to_hear("the payment was refunded", _without_surplus(situation.payment))

    for each in situation.stock:
        match each.event:
            case StockReserved(sku=sku) if sku in process.awaited:
                yield _to_hear(f"{sku} is reserved", [each])
            case StockReservationRefused(sku=sku) if sku in process.awaited:
                yield _to_hear(f"{sku} is out of stock", [each])
            case StockReleased(sku=sku) if sku in process.leaving:
                yield _to_hear(f"{sku} is released", [each])
            case StockDispatched(sku=sku) if sku in process.leaving:
                yield _to_hear(f"{sku} is dispatched", [each])


def _to_hear(what: str, events: Recorded) -> tuple[Wait, datetime]:
    return Wait(f"its process to hear that {what}", "service", events[-1].stream_id), events[-1].occurred_at


def _payment_is_due(process: Recorded) -> datetime | None:
    for each in process:
        for issued in each.event.issued:
            if isinstance(issued.command, ExpirePayment):
                return each.occurred_at + timedelta(seconds=issued.after_seconds)
    return None


def _folded(aggregate: Aggregate[Any, Any, Any], events: Recorded) -> Any:
    return aggregate.decider.fold(aggregate.decider.initial, [each.event for each in events])


def _status(events: Recorded) -> str | None:
    return str(events[-1].event.status) if events else None


def _without_surplus(payment: Recorded) -> Recorded:
    """Returns the events but those of money under another reference, which goes back and changes nothing else."""
    return [each for each in payment if not isinstance(each.event, SurplusReceived | SurplusRefunded)]


def _of_the_order(situation: Situation) -> str:
    order = _last(situation.order) if situation.order else "was never placed, as far as its stream says"
    payment = _without_surplus(situation.payment)
    paid = f"its payment {_last(payment)}" if payment else "no payment was asked for"
    return f"Order {situation.order_id} {order}; {paid}."


def _last(events: Recorded) -> str:
    status = _status(events)
    return f"{'has' if status == 'expired' else 'was'} {status} at {_second(events[-1].occurred_at)}"


def _of_the_process(waiting: Sequence[Waiting], now: datetime) -> Iterator[str]:
    if not waiting:
        yield "Its process has ended: nothing is outstanding."
    for each in waiting[:_TOLD]:
        since = f"since {_second(each.since)} ({_time(now - each.since)})"
        yield f"It waits for {each.wait.what}, {since}{_how_long(each)}."
    if len(waiting) > _TOLD:
        yield f"It waits for {len(waiting) - _TOLD} more."


def _how_long(waiting: Waiting) -> str:
    match waiting.wait.by:
        case "service":
            return ", which should take seconds" if waiting.overdue else ", which takes seconds"
        case "customer":
            if waiting.until is None:
                return ""
            until = _second(waiting.until)
            if waiting.overdue:
                return f", and should have been given up at {until}"
            return f": if it does not come by {until}, the order is cancelled"
        case "warehouse":
            return ", as long as that takes"
        case _:
            assert_never(waiting.wait.by)


def _of_the_obstacles(obstacles: Sequence[Obstacle]) -> Iterator[str]:
    for each in obstacles[:_TOLD]:
        since = "" if each.at is None else f" since {_second(each.at)}"
        yield f"{each.name[0].upper()}{each.name[1:]} of {each.where} is {each.kind}{since}: {each.says}."
    if len(obstacles) > _TOLD:
        yield f"So are {len(obstacles) - _TOLD} more."
    if not obstacles:
        yield "Nothing of it is parked, dead or behind."


def _of_the_bus(no_dead_letters: str | None) -> Iterator[str]:
    if no_dead_letters is not None:
        yield f"Whether a message of it is dead is not known: {no_dead_letters}."


def _look(situation: Situation, *, overdue: bool) -> Iterator[str]:
    yield from (each.look for each in situation.obstacles)
    if overdue and not situation.obstacles:
        yield f"trace {FULFILMENT.stream_id(situation.order_id)}"
        yield "projections status"
        yield "verify"


def _second(time: datetime) -> str:
    return time_at_rest(time.replace(microsecond=0))


def _time(span: timedelta) -> str:
    seconds = max(0, int(span.total_seconds()))
    for unit, length in (("days", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"
