"""What a sale has come to, by the streams themselves: every one is read from the store and folded."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal

from domain.fulfilment.state import Fulfilment
from domain.order.aggregate import ORDER
from domain.order.events import OrderCancelled
from domain.order.state import Cancelled, Confirmed
from domain.payment.aggregate import PAYMENT
from domain.payment.state import Processed
from domain.registry import FULFILMENT
from domain.stock.aggregate import STOCK
from engine.deciding.aggregate import Aggregate
from engine.projecting.queries import Queries
from engine.storing.pages import pages

_AT_ONCE: Final = 16

Verdict = Literal["confirmed", "cancelled"]


@dataclass(frozen=True, slots=True)
class Audit:
    """Says what it found; `complaints` is empty if stock, money and processes are as they must be."""

    confirmed: int
    cancelled: int
    reasons: Counter[str]
    complaints: tuple[str, ...]


async def audit(
    queries: Queries, order_ids: Iterable[str], sku: str, units: int, report: Callable[[int], None]
) -> Audit:
    """Reads the streams of these single-unit orders, and that of the sku of which `units` were received.

    `report` is told how many orders were read.
    """
    slots = asyncio.Semaphore(_AT_ONCE)
    complaints: list[str] = []
    reasons: Counter[str] = Counter()
    read = 0

    async def order(order_id: str) -> Verdict | None:
        nonlocal read
        async with slots:
            events = await _events(queries, ORDER, order_id)
            payment = _folded(PAYMENT, await _events(queries, PAYMENT, order_id))
            process = _folded(FULFILMENT, await _events(queries, FULFILMENT, order_id))
        read += 1
        report(read)
        state = _folded(ORDER, events)
        reasons.update(event.reason for event in events if isinstance(event, OrderCancelled))
        paid = isinstance(payment, Processed)
        match state:
            case Confirmed() if paid and _waits_for_shipment(process):
                return "confirmed"
            case Cancelled() if not paid and isinstance(process, Fulfilment) and process.is_ended:
                return "cancelled"
        complaints.append(f"order {order_id} is {state}, its payment {payment}, its process {process}")
        return None

    verdicts = Counter(await asyncio.gather(*(order(order_id) for order_id in order_ids)))
    stock = STOCK.decider.initial
    for event in await _events(queries, STOCK, sku):
        stock = STOCK.decider.evolve(stock, event)
        if stock.available < 0:
            complaints.append(f"{sku} was oversold by {-stock.available}")
    if (stock.on_hand, stock.reserved) != (units, verdicts["confirmed"]):
        complaints.append(f"{sku} has {stock.on_hand} on hand and {stock.reserved} reserved")
    return Audit(verdicts["confirmed"], verdicts["cancelled"], reasons, tuple(complaints))


def _waits_for_shipment(process: Any) -> bool:
    return (
        isinstance(process, Fulfilment)
        and (process.order, process.payment) == ("confirmed", "processed")
        and not (process.awaited or process.leaving)
    )


async def _events(queries: Queries, aggregate: Aggregate[Any, Any, Any], entity_id: str) -> list[Any]:
    read = pages(queries.store, aggregate.stream_id(entity_id))
    return [queries.codec.event_of(stored) async for page in read for stored in page]


def _folded(aggregate: Aggregate[Any, Any, Any], events: Iterable[Any]) -> Any:
    return aggregate.decider.fold(aggregate.decider.initial, events)
