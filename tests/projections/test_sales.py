"""What is counted as sales."""

from collections.abc import Mapping, Sequence
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
from projections.sales import BY_TIME, SALES, contributions

AMOUNT = Money(2500, "EUR")
PLACED = OrderPlaced("o-1", "ada", (OrderLine("mug", 2, Money(1250, "EUR")),))
SHIPPED = OrderShipped("o-1", "ada", "DHL", "T-1")
CANCELLED = OrderCancelled("o-1", "ada", "ordered twice")


def added(event: Any, first: Any = None) -> Sequence[Contribution]:
    (its,) = recorded("order-o-1", event)
    (before,) = recorded("order-o-1", first)
    return tuple(contributions(its, None if first is None else before))


@pytest.mark.parametrize(
    ("event", "amounts"),
    [
        (PLACED, {"ordersPlaced": 1}),
        (PaymentProcessed("o-1", AMOUNT, "pay-1"), {"ordersPaid": 1, "revenue": 2500}),
        (PaymentRefunded("o-1", AMOUNT), {"revenue": -2500}),
        (
            PaymentProcessed("o-1", Money(LARGEST_AMOUNT, "EUR"), "pay-1"),
            {"ordersPaid": 1, "revenue": LARGEST_AMOUNT},
        ),
    ],
)
def test_what_counts(event: object, amounts: Mapping[str, int]) -> None:
    assert tuple(Contribution("EUR", measure, amount) for measure, amount in amounts.items()) == added(event)


@pytest.mark.parametrize(("event", "measure"), [(SHIPPED, "ordersShipped"), (CANCELLED, "ordersCancelled")])
def test_what_does_not_say_its_currency_counts_in_that_of_the_order(event: object, measure: str) -> None:
    assert isinstance(event, SALES.with_first)
    assert (Contribution("EUR", measure, 1),) == added(event, PLACED)


@pytest.mark.parametrize(
    "event",
    [
        OrderConfirmed("o-1", "ada"),
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


@pytest.mark.parametrize("event", [SHIPPED, CANCELLED], ids=lambda event: type(event).__name__)
@pytest.mark.parametrize("first", [None, CANCELLED], ids=["nothing", "another event"])
def test_the_end_of_no_order_is_refused(event: object, first: object) -> None:
    with pytest.raises(ValueError, match=f"{type(event).__name__} before OrderPlaced"):
        added(event, first)


def test_a_currency_that_nobody_knows_is_refused() -> None:
    with pytest.raises(ValueError, match="currency 'XXX' is not supported"):
        added(PaymentProcessed("o-1", Money(1, "XXX"), "pay-1"))


@pytest.mark.parametrize(
    ("currency", "revenue", "shown"),
    [("EUR", -1250, "-12.50"), ("JPY", 300, "300"), ("KWD", 5, "0.005"), ("EUR", 10**18 + 1, "10000000000000000.01")],
)
def test_revenue_is_shown_as_a_decimal_text(currency: str, revenue: int, shown: str) -> None:
    nothing = dict.fromkeys(("ordersPlaced", "ordersPaid", "ordersShipped", "ordersCancelled"), 0)
    assert {**nothing, "revenue": shown} == BY_TIME.shown(currency, {"revenue": revenue})
