"""The rules of stock."""

import pytest

from domain.stock.aggregate import STOCK
from domain.stock.commands import DispatchStock, ReceiveStock, ReleaseStock, ReserveStock, StockCommand
from domain.stock.decisions import InvalidQuantity
from domain.stock.events import (
    StockDispatched,
    StockReceived,
    StockReleased,
    StockReservationRefused,
    StockReserved,
)
from engine.testing.deciders import given

RECEIVED = StockReceived("mug", 10)
RESERVED = StockReserved("mug", "o-1", 7)


def test_received_stock_is_on_hand() -> None:
    given(STOCK).when(ReceiveStock("mug", 10)).then(RECEIVED)


@pytest.mark.parametrize("command", [ReceiveStock("mug", 0), ReserveStock("mug", "o-1", -1)])
def test_a_quantity_is_at_least_one(command: StockCommand) -> None:
    given(STOCK, RECEIVED).when(command).then_rejected(InvalidQuantity)


def test_what_is_available_can_be_reserved_to_the_last_unit() -> None:
    given(STOCK, RECEIVED).when(ReserveStock("mug", "o-1", 7)).then(RESERVED)
    given(STOCK, RECEIVED, RESERVED).when(ReserveStock("mug", "o-2", 3)).then(StockReserved("mug", "o-2", 3))


def test_what_is_reserved_is_never_promised_again() -> None:
    given(STOCK, RECEIVED, RESERVED).when(ReserveStock("mug", "o-2", 4)).then(
        StockReservationRefused("mug", "o-2", 4, 3)
    )
    given(STOCK).when(ReserveStock("mug", "o-1", 1)).then(StockReservationRefused("mug", "o-1", 1, 0))


def test_an_order_reserves_once() -> None:
    given(STOCK, RECEIVED, RESERVED).when(ReserveStock("mug", "o-1", 7)).then_nothing()


def test_a_released_reservation_is_available_again() -> None:
    released = StockReleased("mug", "o-1", 7)
    given(STOCK, RECEIVED, RESERVED).when(ReleaseStock("mug", "o-1")).then(released)
    given(STOCK, RECEIVED, RESERVED, released).when(ReserveStock("mug", "o-2", 10)).then(
        StockReserved("mug", "o-2", 10)
    )
    given(STOCK, RECEIVED, RESERVED, released).when(ReleaseStock("mug", "o-1")).then_nothing()


def test_dispatched_stock_has_left_the_house() -> None:
    dispatched = StockDispatched("mug", "o-1", 7)
    given(STOCK, RECEIVED, RESERVED).when(DispatchStock("mug", "o-1")).then(dispatched)
    given(STOCK, RECEIVED, RESERVED, dispatched).when(ReserveStock("mug", "o-2", 4)).then(
        StockReservationRefused("mug", "o-2", 4, 3)
    )
    given(STOCK, RECEIVED, RESERVED, dispatched).when(DispatchStock("mug", "o-1")).then_nothing()


def test_nothing_is_released_or_dispatched_that_was_not_reserved() -> None:
    given(STOCK, RECEIVED).when(ReleaseStock("mug", "o-1")).then_nothing()
    given(STOCK, RECEIVED).when(DispatchStock("mug", "o-1")).then_nothing()
