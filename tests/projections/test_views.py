"""What the read models answer."""

from dataclasses import replace
from datetime import timedelta

import pytest

from domain.money import Money
from domain.order.events import OrderCancelled, OrderConfirmed, OrderLine, OrderPlaced, OrderShipped
from domain.payment.events import (
    PaymentDeclined,
    PaymentExpired,
    PaymentProcessed,
    PaymentRefunded,
    PaymentRequested,
    SurplusReceived,
    SurplusRefunded,
)
from domain.stock.events import (
    StockDispatched,
    StockReceived,
    StockReleased,
    StockReservationRefused,
    StockReserved,
)
from engine.testing.projections import given, projected, recorded
from engine.testing.times import NOON
from projections.order_details import ORDER_DETAILS, Cancellation, OrderDetails, Shipment
from projections.order_history import ORDER_HISTORY, OrderSummary
from projections.payment_status import PAYMENT_STATUS, PaymentStatus, Surplus
from projections.stock_levels import STOCK_LEVELS, StockLevel

LINES = (OrderLine("mug", 2, Money(1250, "EUR")), OrderLine("poster", 1, Money(499, "EUR")))
PLACED = OrderPlaced("o-1", "c-1", LINES)
CONFIRMED = OrderConfirmed("o-1", "c-1")
SHIPPED = OrderShipped("o-1", "c-1", "DHL", "T-1")
CANCELLED = OrderCancelled("o-1", "c-1", "changed my mind")
TOTAL = Money(2999, "EUR")


def seconds(n: int) -> timedelta:
    return timedelta(seconds=n)


def test_order_details_show_what_happened_when() -> None:
    placed = OrderDetails("o-1", "c-1", "placed", LINES, TOTAL, NOON)
    confirmed = replace(placed, status="confirmed", confirmed_at=NOON + seconds(1))
    shipped = replace(confirmed, status="shipped", shipment=Shipment("DHL", "T-1", NOON + seconds(2)))
    cancellation = Cancellation("changed my mind", NOON + seconds(2))
    cancelled = replace(confirmed, status="cancelled", cancellation=cancellation)
    given(ORDER_DETAILS, "order-o-1").when(PLACED).then(placed)
    given(ORDER_DETAILS, "order-o-1", PLACED).when(CONFIRMED).then(confirmed)
    given(ORDER_DETAILS, "order-o-1", PLACED, CONFIRMED).when(SHIPPED).then(shipped)
    given(ORDER_DETAILS, "order-o-1", PLACED, CONFIRMED).when(CANCELLED).then(cancelled)


def test_order_history_follows_each_order_in_short() -> None:
    for history, status in (
        ((PLACED,), "placed"),
        ((PLACED, CONFIRMED), "confirmed"),
        ((PLACED, CONFIRMED, SHIPPED), "shipped"),
        ((PLACED, CANCELLED), "cancelled"),
    ):
        expected = OrderSummary("o-1", "c-1", status, TOTAL, NOON)  # type: ignore[arg-type]
        given(ORDER_HISTORY, "order-o-1").when(*history).then(expected)


def test_order_history_lies_in_the_partition_of_its_customer_sorted_by_time() -> None:
    event = recorded("order-o-1", PLACED)[0]
    key = ORDER_HISTORY.key(event)
    document = ORDER_HISTORY.to_document(key, 1, ORDER_HISTORY.project(None, event))
    assert ("1~order-o-1", "c-1") == (key.id, key.partition)
    assert ("c-1", "1~2026-11-23T12:00:00.000000Z~o-1") == (document["customerId"], document["sortKey"])


@pytest.mark.parametrize("projection", [ORDER_DETAILS, ORDER_HISTORY], ids=lambda each: each.name)
def test_an_order_begins_with_its_placement(projection: object) -> None:
    with pytest.raises(ValueError, match="before OrderPlaced"):
        projected(projection, "order-o-1", CONFIRMED)  # type: ignore[arg-type]


REQUESTED = PaymentRequested("o-1", TOTAL)
PROCESSED = PaymentProcessed("o-1", TOTAL, "pay-1")
DECLINED = PaymentDeclined("o-1", "pay-1", "no funds")


def test_payment_status_shows_where_the_money_is() -> None:
    later = NOON + seconds(1)
    cases = [
        ((REQUESTED,), PaymentStatus("o-1", "requested", TOTAL, NOON, NOON)),
        ((REQUESTED, PROCESSED), PaymentStatus("o-1", "processed", TOTAL, NOON, later, "pay-1")),
        ((REQUESTED, DECLINED), PaymentStatus("o-1", "declined", TOTAL, NOON, later, "pay-1", "no funds")),
        ((REQUESTED, PaymentExpired("o-1")), PaymentStatus("o-1", "expired", TOTAL, NOON, later)),
        (
            (REQUESTED, DECLINED, PROCESSED),
            PaymentStatus("o-1", "processed", TOTAL, NOON, NOON + seconds(2), "pay-1"),
        ),
        (
            (REQUESTED, PROCESSED, PaymentRefunded("o-1", TOTAL)),
            PaymentStatus("o-1", "refunded", TOTAL, NOON, NOON + seconds(2), "pay-1"),
        ),
    ]
    for history, status in cases:
        given(PAYMENT_STATUS, "payment-o-1").when(*history).then(status)


def test_payment_status_shows_what_came_beside_and_went_back() -> None:
    def received(reference: str) -> SurplusReceived:
        return SurplusReceived("o-1", TOTAL, reference)

    def refunded(reference: str) -> SurplusRefunded:
        return SurplusRefunded("o-1", TOTAL, reference)

    def seen(*events: object) -> PaymentStatus | None:
        return projected(PAYMENT_STATUS, "payment-o-1", REQUESTED, PROCESSED, *events)

    nothing, later = Money(0, "EUR"), NOON + seconds(1)
    processed = PaymentStatus("o-1", "processed", TOTAL, NOON, later, "pay-1")
    assert replace(processed, surplus=Surplus(TOTAL, nothing)) == seen(received("pay-2"))
    twice = (received("pay-2"), refunded("pay-2"), received("pay-3"), refunded("pay-3"))
    both = Surplus(Money(5998, "EUR"), Money(5998, "EUR"))
    assert replace(processed, surplus=both) == seen(*twice)
    given_back = replace(processed, status="refunded", changed_at=NOON + seconds(6), surplus=both)
    assert given_back == seen(*twice, PaymentRefunded("o-1", TOTAL))


def test_a_payment_without_a_surplus_lies_as_it_did_before_there_was_one() -> None:
    (requested, *_) = recorded("payment-o-1", REQUESTED)
    document = PAYMENT_STATUS.to_document(PAYMENT_STATUS.key(requested), 1, PAYMENT_STATUS.project(None, requested))
    fields = {"orderId", "status", "amount", "requestedAt", "changedAt", "reference", "reason"}
    assert fields == set(document["view"])


def test_a_payment_begins_with_its_request() -> None:
    with pytest.raises(ValueError, match="before PaymentRequested"):
        projected(PAYMENT_STATUS, "payment-o-1", PROCESSED)


def test_stock_levels_count_what_is_on_hand_and_what_is_promised() -> None:
    received, reserved = StockReceived("mug", 10), StockReserved("mug", "o-1", 4)
    cases = [
        ((received,), StockLevel("mug", 10, 0)),
        ((received, reserved), StockLevel("mug", 10, 4)),
        ((received, reserved, StockReservationRefused("mug", "o-2", 7, 6)), StockLevel("mug", 10, 4)),
        ((received, reserved, StockReleased("mug", "o-1", 4)), StockLevel("mug", 10, 0)),
        ((received, reserved, StockDispatched("mug", "o-1", 4)), StockLevel("mug", 6, 0)),
    ]
    for history, level in cases:
        given(STOCK_LEVELS, "stock-mug").when(*history).then(level)
    assert 6 == StockLevel("mug", 10, 4).available


@pytest.mark.parametrize(
    ("projection", "events"),
    [(ORDER_DETAILS, (PLACED, CONFIRMED, SHIPPED)), (ORDER_DETAILS, (PLACED, CANCELLED)), (ORDER_HISTORY, (PLACED,)),
     (PAYMENT_STATUS, (REQUESTED, DECLINED)),
     (PAYMENT_STATUS, (REQUESTED, PROCESSED, SurplusReceived("o-1", TOTAL, "pay-2"))),
     (STOCK_LEVELS, (StockReceived("mug", 3),))],
)  # fmt: skip
def test_a_view_comes_back_from_its_document(projection: object, events: tuple[object, ...]) -> None:
    view = projected(projection, "order-o-1", *events)  # type: ignore[arg-type]
    key = projection.key(recorded("order-o-1", *events)[0])  # type: ignore[attr-defined]
    assert view == projection.from_document(projection.to_document(key, 1, view))  # type: ignore[attr-defined]
