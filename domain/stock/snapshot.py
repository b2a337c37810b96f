"""The state of stock as plain data and back, so that a long stream need not be folded from its beginning."""

from collections.abc import Mapping
from typing import Any

from domain.stock.reservations import Reservations
from domain.stock.state import StockState


def to_data(state: StockState) -> Mapping[str, Any]:
    return {"onHand": state.on_hand, "reservations": dict(state.reservations)}


def from_data(data: Mapping[str, Any]) -> StockState:
    reservations = Reservations()
    for order_id, quantity in data["reservations"].items():
        reservations = reservations.with_entry(order_id, quantity)
    return StockState(data["onHand"], sum(reservations.values()), reservations)
