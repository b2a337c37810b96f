"""What is on hand, and which orders have reserved some of it."""

from dataclasses import dataclass, field
from typing import Final, assert_never

from domain.stock.events import (
    StockDispatched,
    StockEvent,
    StockReceived,
    StockReleased,
    StockReservationRefused,
    StockReserved,
)
from domain.stock.reservations import Reservations

FOLD: Final = 1
"""The number of this fold: a snapshot of another number is not used. Moves with every change of what state means."""


@dataclass(frozen=True, slots=True)
class StockState:
    """`reserved` is the sum over `reservations`; what is neither is available."""

    on_hand: int = 0
    reserved: int = 0
    reservations: Reservations = field(default_factory=Reservations)

    @property
    def available(self) -> int:
        return self.on_hand - self.reserved


INITIAL: Final = StockState()


def evolve(state: StockState, event: StockEvent) -> StockState:
    match event:
        case StockReceived():
            return StockState(state.on_hand + event.quantity, state.reserved, state.reservations)
        case StockReserved():
            return StockState(
                state.on_hand,
                state.reserved + event.quantity,
                state.reservations.with_entry(event.order_id, event.quantity),
            )
        case StockReservationRefused():
            return state
        case StockReleased():
            return StockState(
                state.on_hand, state.reserved - event.quantity, state.reservations.without(event.order_id)
            )
        case StockDispatched():
            return StockState(
                state.on_hand - event.quantity,
                state.reserved - event.quantity,
                state.reservations.without(event.order_id),
            )
        case _:
            assert_never(event)
