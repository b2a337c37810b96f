"""What is counted as sales."""

from collections.abc import Sequence
from typing import Any

import pytest

from domain.money import LARGEST_AMOUNT, Money
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
from engine.projecting.counting.rollup import Contribution
from engine.testing.projections import recorded
from projections.sales import BY_TIME, contributions

AMOUNT = Money(2500, "EUR")
PLACED = OrderPlaced("o-1", "ada", (OrderLine("mug", 2, Money(1250, "EUR")),))
CANCELLED = OrderCancelled("o-1", "ada", "ordered twice")


def added(event: Any, first: Any = None) -> Sequence[Contribution]:
    (its,) = recorded("order-o-1", event)
    (before,) = recorded("order-o-1", first)
    return tuple(contributions(its, None if first is None else before))


@pytest.mark.parametrize(
    ("event", "measure", "amount"),
    [
        (PLACED, "ordersPlaced", 1),
        (PaymentProcessed("o-1", AMOUNT, "pay-1"), "revenue", 2500),
        (PaymentRefunded("o-1", AMOUNT), "revenue", -2500),
        (PaymentProcessed("o-1", Money(LARGEST_AMOUNT, "EUR"), "pay-1"), "revenue", LARGEST_AMOUNT),
    ],
)
def test_what_counts(event: object, measure: str, amount: int) -> None:
    assert (Contribution("EUR", measure, amount),) == added(event)


def test_a_cancellation_counts_in_the_currency_of_the_order() -> None:
    assert (Contribution("EUR", "ordersCancelled", 1),) == added(CANCELLED, PLACED)


@pytest.mark.parametrize(
    "event",
    [
        OrderConfirmed("o-1", "ada"),
        OrderShipped("o-1", "ada", "DHL", "T-1"),
        PaymentRequested("o-1", AMOUNT),
        PaymentDeclined("o-1", "pay-1", "no funds"),
        PaymentExpired("o-1"),
        SurplusReceived("o-1", AMOUNT, "pay-2"),
        SurplusRefunded("o-1", AMOUNT, "pay-2"),
    ],
    ids=lambda event: type(event).__name__,
)
def test_what_does_not_count(event: object) -> None:
    assert () == added(event)


def test_an_order_that_costs_nothing_counts_as_one() -> None:
    assert 1 == len(added(OrderPlaced("o-1", "ada", (OrderLine("mug", 1, Money(0, "EUR")),))))


@pytest.mark.parametrize("first", [None, CANCELLED], ids=["nothing", "another event"])
def test_a_cancellation_of_no_order_is_refused(first: object) -> None:
    with pytest.raises(ValueError, match="before OrderPlaced"):
        added(CANCELLED, first)


def test_a_currency_that_nobody_knows_is_refused() -> None:
    with pytest.raises(ValueError, match="currency 'XXX' is not supported"):
        added(PaymentProcessed("o-1", Money(1, "XXX"), "pay-1"))


@pytest.mark.parametrize(
    ("currency", "revenue", "shown"),
    [("EUR", -1250, "-12.50"), ("JPY", 300, "300"), ("KWD", 5, "0.005"), ("EUR", 10**18 + 1, "10000000000000000.01")],
)
def test_revenue_is_shown_as_a_decimal_text(currency: str, revenue: int, shown: str) -> None:
    assert {"ordersPlaced": 0, "ordersCancelled": 0, "revenue": shown} == BY_TIME.shown(currency, {"revenue": revenue})
