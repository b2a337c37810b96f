"""One order of one sku or two: everything that may happen, in every order, with every repetition and every delay."""

from collections.abc import Iterator
from itertools import permutations
from typing import Any, Final

import pytest

from domain.fulfilment.facts import Fact
from domain.fulfilment.state import Fulfilment, FulfilmentState
from domain.money import Money
from domain.order.commands import CancelOrder, PlaceOrder, ShipOrder
from domain.order.events import OrderCancelled, OrderConfirmed, OrderLine, OrderPlaced, OrderShipped
from domain.payment.commands import DeclinePayment, ProcessPayment
from domain.payment.events import PaymentDeclined, PaymentExpired, PaymentProcessed, PaymentRefunded
from domain.stock.commands import ReceiveStock
from domain.stock.events import StockDispatched, StockReleased, StockReservationRefused, StockReserved
from engine.deciding.process import Issued
from tests.domain.balance import check_that_everything_is_balanced, check_that_only_people_are_waited_for
from tests.domain.exploration import Exploration
from tests.domain.world import PROCESS

STREAMS: Final = ("order-o-1", "payment-o-1", "stock-mug", "stock-cup", "fulfilment-o-1")
DOINGS: Final = (
    ("order-o-1", CancelOrder("changed my mind")),
    ("order-o-1", ShipOrder("DHL", "T-1")),
    ("payment-o-1", ProcessPayment("pay-1")),
    ("payment-o-1", ProcessPayment("pay-2")),
    ("payment-o-1", DeclinePayment("pay-1", "no funds")),
)
PRICE: Final = Money(100, "EUR")
FOR_NOTHING: Final = Money(0, "EUR")


@pytest.mark.parametrize(
    ("skus", "in_stock", "price", "doings"),
    [
        (("mug",), ("mug",), PRICE, DOINGS),
        (("mug",), (), PRICE, DOINGS),
        (("mug",), ("mug",), FOR_NOTHING, DOINGS),
        (("mug", "cup"), ("mug", "cup"), PRICE, DOINGS[:3]),
        (("mug", "cup"), ("mug",), PRICE, DOINGS[:3]),
    ],
    ids=["in stock", "out of stock", "for nothing", "two skus", "two skus, one out of stock"],
)
def test_in_every_situation_that_an_order_can_come_into_everything_is_balanced(
    skus: tuple[str, ...], in_stock: tuple[str, ...], price: Money, doings: tuple[tuple[str, object], ...]
) -> None:
    exploration = Exploration(STREAMS, doings)
    received = [(f"stock-{sku}", ReceiveStock(sku, 1)) for sku in in_stock]
    placed = ("order-o-1", PlaceOrder("o-1", "c-1", tuple(OrderLine(sku, 1, price) for sku in skus)))
    ends = 0
    for reached in exploration.every_situation(*received, placed):
        if not reached.something_is_under_way:
            reached.must(check_that_only_people_are_waited_for, ("o-1",))
            if reached.time_has_run_out:
                reached.must(check_that_everything_is_balanced, ("o-1",), ("mug", "cup"))
                ends += 1
    assert ends > 1


PLACED = OrderPlaced("o-1", "c-1", (OrderLine("mug", 1, PRICE),))
GIVEN_AWAY = OrderPlaced("o-1", "c-1", (OrderLine("mug", 1, FOR_NOTHING),))
CONFIRMED, CANCELLED = OrderConfirmed("o-1", "c-1"), OrderCancelled("o-1", "c-1", "changed my mind")
SHIPPED = OrderShipped("o-1", "c-1", "DHL", "T-1")
RESERVED, REFUSED = StockReserved("mug", "o-1", 1), StockReservationRefused("mug", "o-1", 1, 0)
RELEASED, DISPATCHED = StockReleased("mug", "o-1", 1), StockDispatched("mug", "o-1", 1)
PAID, REFUNDED = PaymentProcessed("o-1", PRICE, "pay-1"), PaymentRefunded("o-1", PRICE)
DECLINED, EXPIRED = PaymentDeclined("o-1", "pay-1", "no funds"), PaymentExpired("o-1")

LIVES: Final[dict[str, tuple[Fact, ...]]] = {
    "shipped": (PLACED, RESERVED, PAID, CONFIRMED, SHIPPED, DISPATCHED),
    "shipped, without the weaker facts": (PLACED, PAID, SHIPPED, DISPATCHED),
    "shipped for nothing": (GIVEN_AWAY, RESERVED, CONFIRMED, SHIPPED, DISPATCHED),
    "cancelled before it was paid": (PLACED, RESERVED, CANCELLED, RELEASED, EXPIRED),
    "cancelled after it was confirmed": (PLACED, RESERVED, PAID, CONFIRMED, CANCELLED, RELEASED, REFUNDED),
    "out of stock": (PLACED, REFUSED, CANCELLED),
    "declined": (PLACED, RESERVED, DECLINED, CANCELLED, RELEASED),
    "paid too late": (PLACED, RESERVED, EXPIRED, CANCELLED, RELEASED, PAID, REFUNDED),
}
"""All that can be heard of an order that went this way."""


@pytest.mark.parametrize("life", LIVES.values(), ids=LIVES)
def test_a_process_ends_in_whatever_order_it_hears_what_happened(life: tuple[Fact, ...]) -> None:
    """Even in one that no run of the service leads to; after each fact, those that have come so far come again."""
    for order in permutations(life):
        state: FulfilmentState = PROCESS.aggregate.decider.initial
        asked: list[Issued[Any]] = []
        for heard in repeated(order):
            for event in PROCESS.aggregate.decider.decide(heard, state):
                state = PROCESS.aggregate.decider.evolve(state, event)
                asked += PROCESS.issued(event)
        assert isinstance(state, Fulfilment), order
        assert state.is_ended, (order, state)
        assert len(set(asked)) == len(asked), (order, asked)


def repeated(order: tuple[Any, ...]) -> Iterator[Any]:
    for number in range(len(order)):
        yield order[number]
        yield from order[: number + 1]
