"""The rules of stock: what is reserved is never promised twice. A command that is already satisfied yields no event."""

from typing import assert_never

from domain.stock.commands import DispatchStock, ReceiveStock, ReleaseStock, ReserveStock, StockCommand
from domain.stock.events import (
    StockDispatched,
    StockEvent,
    StockReceived,
    StockReleased,
    StockReservationRefused,
    StockReserved,
)
from domain.stock.state import StockState
from engine.deciding.decider import DomainError


class InvalidQuantity(DomainError):
    def __init__(self) -> None:
        super().__init__("A quantity is at least one unit.")


def decide(command: StockCommand, state: StockState) -> tuple[StockEvent, ...]:
    match command:
        case ReceiveStock():
            if command.quantity < 1:
                raise InvalidQuantity
            return (StockReceived(command.sku, command.quantity),)
        case ReserveStock():
            return _reserve(command, state)
        case ReleaseStock():
            reserved = state.reservations.get(command.order_id)
            return () if reserved is None else (StockReleased(command.sku, command.order_id, reserved),)
        case DispatchStock():
            reserved = state.reservations.get(command.order_id)
            return () if reserved is None else (StockDispatched(command.sku, command.order_id, reserved),)
        case _:
            assert_never(command)


def _reserve(command: ReserveStock, state: StockState) -> tuple[StockEvent, ...]:
    if command.quantity < 1:
        raise InvalidQuantity
    if command.order_id in state.reservations:
        return ()
    if command.quantity > state.available:
        return (StockReservationRefused(command.sku, command.order_id, command.quantity, state.available),)
    return (StockReserved(command.sku, command.order_id, command.quantity),)
