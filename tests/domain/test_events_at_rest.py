"""Our events at rest: golden files, one per event type and schema."""

import json
from pathlib import Path

import pytest

from domain.fulfilment.commands import AbandonFulfilment
from domain.fulfilment.events import (
    CancellationFollowed,
    ConfirmationCompleted,
    DispatchCompleted,
    DispatchStarted,
    FactRemembered,
    FulfilmentAbandoned,
    FulfilmentStarted,
    PaymentArrived,
    PaymentFailed,
    RefundCompleted,
    ReleaseCompleted,
    ReservationGranted,
    ReservationRefused,
)
from domain.money import Money
from domain.order.commands import CancelOrder, ConfirmOrder
from domain.order.events import OrderCancelled, OrderConfirmed, OrderLine, OrderPlaced, OrderShipped
from domain.payment.commands import ExpirePayment, RefundPayment, RequestPayment
from domain.payment.events import (
    PaymentDeclined,
    PaymentExpired,
    PaymentProcessed,
    PaymentRefunded,
    PaymentRequested,
    SurplusReceived,
    SurplusRefunded,
)
from domain.stock.commands import DispatchStock, ReleaseStock, ReserveStock
from domain.stock.events import (
    StockDispatched,
    StockReceived,
    StockReleased,
    StockReservationRefused,
    StockReserved,
)
from engine.deciding.process import Issued
from engine.storing.events import Metadata, StoredEvent
from engine.storing.items import from_item, to_item, to_items
from engine.testing.times import NOON
from tests.registered import CODEC

GOLDEN = Path(__file__).parents[1] / "golden" / "events"
METADATA = Metadata(
    event_id="b8f5f1a2-9c1e-4f6e-8f43-5d1d5a0f7a11",
    occurred_at=NOON,
    correlation_id="3f1c9a52-5d8e-5b0a-9a51-000000000001",
    causation_id="3f1c9a52-5d8e-5b0a-9a51-000000000001",
    traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    actor="anonymous",
    fingerprint="n4bQgYhMfWWaL-qgxVrQFg",
)
ORDER_ID = "7c0e4c1a-1111-5222-8333-444455556666"

EXAMPLES = (
    OrderPlaced(ORDER_ID, "c-1", (OrderLine("mug", 2, Money(1250, "EUR")), OrderLine("poster_A2", 1, Money(0, "EUR")))),
    OrderConfirmed(ORDER_ID, "c-1"),
    OrderShipped(ORDER_ID, "c-1", "Käfer Express 漢字", "T-1"),
    OrderCancelled(ORDER_ID, "c-1", "changed my mind"),
    PaymentRequested(ORDER_ID, Money(2500, "EUR")),
    PaymentProcessed(ORDER_ID, Money(2500, "EUR"), "pay-1"),
    PaymentDeclined(ORDER_ID, "pay-1", "insufficient funds"),
    PaymentExpired(ORDER_ID),
    PaymentRefunded(ORDER_ID, Money(2500, "EUR")),
    StockReceived("mug", 10),
    StockReserved("mug", ORDER_ID, 2),
    StockReservationRefused("mug", ORDER_ID, 2, 1),
    StockReleased("mug", ORDER_ID, 2),
    StockDispatched("mug", ORDER_ID, 2),
    FulfilmentStarted(
        ORDER_ID,
        Money(2500, "EUR"),
        (
            Issued("stock", "mug", ReserveStock("mug", ORDER_ID, 2)),
            Issued("fulfilment", ORDER_ID, AbandonFulfilment(), 605_700),
        ),
    ),
    ReservationGranted(
        ORDER_ID,
        "mug",
        (
            Issued("payment", ORDER_ID, RequestPayment(ORDER_ID, Money(2500, "EUR"))),
            Issued("payment", ORDER_ID, ExpirePayment(ORDER_ID, Money(2500, "EUR")), 900),
        ),
    ),
    ReservationRefused(ORDER_ID, "mug", (Issued("order", ORDER_ID, CancelOrder("Out of stock: mug.")),)),
    PaymentArrived(ORDER_ID, (Issued("order", ORDER_ID, ConfirmOrder()),)),
    PaymentFailed(ORDER_ID, (Issued("stock", "mug", ReleaseStock("mug", ORDER_ID)),)),
    ConfirmationCompleted(ORDER_ID, ()),
    DispatchStarted(ORDER_ID, (Issued("stock", "mug", DispatchStock("mug", ORDER_ID)),)),
    DispatchCompleted(ORDER_ID, "mug", ()),
    CancellationFollowed(ORDER_ID, (Issued("payment", ORDER_ID, RefundPayment()),)),
    ReleaseCompleted(ORDER_ID, "mug", ()),
    RefundCompleted(ORDER_ID, ()),
    FulfilmentAbandoned(ORDER_ID, (Issued("order", ORDER_ID, CancelOrder("The order took too long.")),)),
    SurplusReceived(ORDER_ID, Money(2500, "EUR"), "pay-2"),
    SurplusRefunded(ORDER_ID, Money(2500, "EUR"), "pay-2"),
    FactRemembered(ORDER_ID, OrderCancelled(ORDER_ID, "c-1", "changed my mind"), ()),
)


def stored(event: object, version: int = 3) -> StoredEvent:
    type_, schema, data = CODEC.encode(event)
    key = "3f1c9a52-5d8e-5b0a-9a51-000000000001/0"
    return StoredEvent(f"order-{ORDER_ID}", version, type_, schema, key, data, METADATA)


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: type(event).__name__)
def test_an_event_is_written_as_its_golden_file_says(event: object) -> None:
    item = to_item(stored(event))
    golden = json.loads((GOLDEN / f"{item['type']}.{item['schema']}.json").read_text(encoding="utf-8"))
    assert golden == item


@pytest.mark.parametrize("file", sorted(GOLDEN.glob("*.json")), ids=lambda file: file.stem)
def test_every_golden_file_can_still_be_read(file: Path) -> None:
    decoded = CODEC.decode(from_item(json.loads(file.read_text(encoding="utf-8"))))
    example = next(each for each in EXAMPLES if type(each) is type(decoded.event))
    assert example == decoded.event
    assert NOON == decoded.occurred_at


def test_every_type_and_schema_has_its_golden_file() -> None:
    expected = {f"{each.name}.{schema}" for each in CODEC.types for schema in range(1, each.schema + 1)}
    assert expected == {file.stem for file in GOLDEN.glob("*.json")}


def test_the_reaction_to_the_largest_order_fits_into_an_event() -> None:
    skus = [f"sku-{n:060}" for n in range(100)]
    reservations = tuple(Issued("stock", sku, ReserveStock(sku, ORDER_ID, 1_000_000)) for sku in skus)
    assert 1 == len(to_items([stored(FulfilmentStarted(ORDER_ID, Money(2**53 - 1, "EUR"), reservations))]))
