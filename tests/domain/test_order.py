"""The rules of an order."""

import pytest

from domain.money import LARGEST_AMOUNT, Money
from domain.order.aggregate import ORDER
from domain.order.commands import CancelOrder, ConfirmOrder, OrderCommand, PlaceOrder, ShipOrder
from domain.order.decisions import (
    InvalidOrder,
    OrderAlreadyPlaced,
    OrderAlreadyShipped,
    OrderIsCancelled,
    OrderNotConfirmed,
    OrderNotFound,
)
from domain.order.events import OrderCancelled, OrderConfirmed, OrderLine, OrderPlaced, OrderShipped
from engine.testing.deciders import given

LINES = (OrderLine("mug", 2, Money(1250, "EUR")),)
PLACED = OrderPlaced("o-1", "c-1", LINES)
CONFIRMED = OrderConfirmed("o-1", "c-1")
SHIPPED = OrderShipped("o-1", "c-1", "DHL", "T-1")
CANCELLED = OrderCancelled("o-1", "c-1", "changed my mind")


def test_placing_an_order_places_it() -> None:
    given(ORDER).when(PlaceOrder("o-1", "c-1", LINES)).then(PLACED)


def test_an_order_id_is_used_once() -> None:
    given(ORDER, PLACED).when(PlaceOrder("o-1", "c-2", LINES)).then_rejected(OrderAlreadyPlaced)


@pytest.mark.parametrize(
    "lines",
    [
        (),
        (OrderLine("mug", 0, Money(1250, "EUR")),),
        (OrderLine("mug", 1, Money(-1, "EUR")),),
        (OrderLine("mug", 1, Money(1, "EUR")), OrderLine("cup", 1, Money(1, "USD"))),
        (OrderLine("mug", 2, Money(LARGEST_AMOUNT, "EUR")),),
    ],
    ids=["no line", "no unit", "negative price", "two currencies", "a total beyond exact numbers"],
)
def test_lines_that_make_no_order_are_rejected(lines: tuple[OrderLine, ...]) -> None:
    given(ORDER).when(PlaceOrder("o-1", "c-1", lines)).then_rejected(InvalidOrder)


@pytest.mark.parametrize("command", [ConfirmOrder(), ShipOrder("DHL", "T-1"), CancelOrder("why not")])
def test_an_order_that_was_never_placed_is_not_found(command: OrderCommand) -> None:
    given(ORDER).when(command).then_rejected(OrderNotFound)


def test_a_placed_order_is_confirmed_once() -> None:
    given(ORDER, PLACED).when(ConfirmOrder()).then(CONFIRMED)
    given(ORDER, PLACED, CONFIRMED).when(ConfirmOrder()).then_nothing()
    given(ORDER, PLACED, CONFIRMED, SHIPPED).when(ConfirmOrder()).then_nothing()


def test_a_cancellation_settles_a_confirmation() -> None:
    given(ORDER, PLACED, CANCELLED).when(ConfirmOrder()).then_nothing()


def test_a_confirmed_order_ships_once() -> None:
    given(ORDER, PLACED, CONFIRMED).when(ShipOrder("DHL", "T-1")).then(SHIPPED)
    given(ORDER, PLACED, CONFIRMED, SHIPPED).when(ShipOrder("DHL", "T-1")).then_nothing()
    given(ORDER, PLACED, CONFIRMED, SHIPPED).when(ShipOrder("DHL", "T-2")).then_rejected(OrderAlreadyShipped)


def test_an_order_ships_only_when_confirmed() -> None:
    given(ORDER, PLACED).when(ShipOrder("DHL", "T-1")).then_rejected(OrderNotConfirmed)
    given(ORDER, PLACED, CANCELLED).when(ShipOrder("DHL", "T-1")).then_rejected(OrderIsCancelled)


def test_an_order_can_be_cancelled_until_it_ships() -> None:
    given(ORDER, PLACED).when(CancelOrder("changed my mind")).then(CANCELLED)
    given(ORDER, PLACED, CONFIRMED).when(CancelOrder("changed my mind")).then(CANCELLED)
    given(ORDER, PLACED, CONFIRMED, SHIPPED).when(CancelOrder("too late")).then_rejected(OrderAlreadyShipped)


def test_a_cancelled_order_stays_cancelled_for_its_first_reason() -> None:
    given(ORDER, PLACED, CANCELLED).when(CancelOrder("another reason")).then_nothing()
