"""Documents at rest: events, snapshots and views."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any, Final

from domain.fulfilment.events import FactRemembered
from domain.fulfilment.facts import EarlyFact
from domain.money import Money
from domain.order.aggregate import ORDER
from domain.order.events import OrderCancelled, OrderConfirmed, OrderShipped
from domain.payment.aggregate import PAYMENT
from domain.payment.events import (
    PaymentDeclined,
    PaymentExpired,
    PaymentProcessed,
    PaymentRefunded,
    PaymentRequested,
    SurplusReceived,
    SurplusRefunded,
)
from domain.stock.aggregate import STOCK
from domain.stock.events import (
    StockDispatched,
    StockReceived,
    StockReleased,
    StockReservationRefused,
    StockReserved,
)
from engine.projecting.projection import Projection
from engine.storing.events import RecordedEvent, StoredEvent
from engine.storing.items import to_item
from engine.storing.snapshots import Snapshot
from engine.storing.snapshots import to_item as to_snapshot_item
from tests.domain.test_events_at_rest import EXAMPLES
from tests.outside.values import COMMAND_ID, DATE_TIME, METADATA, ORDER_ID, PLACED, SOON, TEXT
from tests.registered import CODEC, PROJECTIONS

TOTAL: Final = Money(2500, "EUR")
REQUESTED: Final = PaymentRequested(ORDER_ID, TOTAL)

LIVES: Final[Mapping[str, Sequence[Sequence[object]]]] = {
    ORDER.category: (
        (PLACED, OrderConfirmed(ORDER_ID, "c-1"), OrderShipped(ORDER_ID, "c-1", TEXT, DATE_TIME)),
        (PLACED, OrderCancelled(ORDER_ID, "c-1", DATE_TIME)),
    ),
    PAYMENT.category: (
        (REQUESTED, PaymentProcessed(ORDER_ID, TOTAL, TEXT), PaymentRefunded(ORDER_ID, TOTAL)),
        (REQUESTED, PaymentDeclined(ORDER_ID, "pay-1", TEXT), PaymentProcessed(ORDER_ID, TOTAL, "pay-1")),
        (REQUESTED, PaymentExpired(ORDER_ID)),
        (
            REQUESTED,
            PaymentProcessed(ORDER_ID, TOTAL, "pay-1"),
            SurplusReceived(ORDER_ID, TOTAL, TEXT),
            SurplusRefunded(ORDER_ID, TOTAL, TEXT),
        ),
    ),
    STOCK.category: (
        (
            StockReceived("mug", 10),
            StockReserved("mug", ORDER_ID, 2),
            StockReserved("mug", "o-2", 3),
            StockReservationRefused("mug", "o-3", 9, 5),
            StockReleased("mug", "o-2", 3),
            StockDispatched("mug", ORDER_ID, 2),
        ),
    ),
}
"""What a stream may live through, by the category of its aggregate."""


EARLY_FACTS: Final[Sequence[EarlyFact]] = (
    OrderConfirmed(ORDER_ID, "c-1"),
    OrderShipped(ORDER_ID, "c-1", TEXT, DATE_TIME),
    OrderCancelled(ORDER_ID, "c-1", TEXT),
    PaymentProcessed(ORDER_ID, TOTAL, TEXT),
    PaymentDeclined(ORDER_ID, "pay-1", TEXT),
    PaymentExpired(ORDER_ID),
    PaymentRefunded(ORDER_ID, TOTAL),
    StockReserved("mug", ORDER_ID, 2),
    StockReservationRefused("mug", ORDER_ID, 9, 5),
    StockReleased("mug", ORDER_ID, 2),
    StockDispatched("mug", ORDER_ID, 2),
)
"""One of each: a process holds them in an event of its own, where a new schema of theirs would not be lifted."""


def remembered(fact: EarlyFact) -> FactRemembered:
    return FactRemembered(ORDER_ID, fact, ())


def stored(event: object, stream_id: str = f"order-{ORDER_ID}", version: int = 3) -> StoredEvent:
    type_, schema, data = CODEC.encode(event)
    return StoredEvent(stream_id, version, type_, schema, f"{COMMAND_ID}/1", data, METADATA)


async def event_items() -> Any:
    """Of every kind, and of texts that are easily spoilt."""
    return {
        **{type(event).__name__: to_item(stored(event)) for event in EXAMPLES},
        "a text of all kinds": to_item(stored(OrderCancelled(ORDER_ID, "c-1", TEXT), version=1_234_567_890)),
        "a text that looks like a date-time": to_item(stored(OrderCancelled(ORDER_ID, "c-1", DATE_TIME))),
        **{f"a remembered {type(fact).__name__}": to_item(stored(remembered(fact))) for fact in EARLY_FACTS},
    }


async def snapshot_items() -> Any:
    """The stock after each event of its life, and with many reservations, which lie in an order of their own."""
    (life,) = LIVES[STOCK.category]
    busy = (StockReceived("mug", 99), *(StockReserved("mug", f"o-{number}", number) for number in range(1, 9)))
    return [to_snapshot_item(snapshot(events)) for events in (*(life[: n + 1] for n in range(len(life))), busy)]


def snapshot(events: Sequence[Any]) -> Snapshot:
    assert STOCK.snapshots is not None
    state = STOCK.decider.fold(STOCK.decider.initial, events)
    type_ = type(events[-1]).__name__
    data = STOCK.snapshots.to_data(state)
    return Snapshot("stock-mug", STOCK.snapshots.fold, len(events), METADATA.event_id, SOON, type_, data)


async def view_documents() -> Any:
    """Of every read model, after each event of the lives of its streams."""
    return {each.name: [_stages(each, life) for life in LIVES[each.category]] for each in PROJECTIONS}


def _stages(projection: Projection[Any], life: Sequence[object]) -> list[dict[str, Any]]:
    stream_id = f"{projection.category}-{'mug' if projection.category == STOCK.category else ORDER_ID}"
    view, stages = None, []
    for version, event in enumerate(life, start=1):
        happened: RecordedEvent[Any] = RecordedEvent(stream_id, version, event, SOON + timedelta(seconds=version))
        view, key = projection.project(view, happened), projection.key(happened)
        document = projection.to_document(key, version, view)
        stages.append({"after": type(event).__name__, "key": asdict(key), "document": document})
    return stages
