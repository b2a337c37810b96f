"""What can be asked of an order."""

from dataclasses import dataclass
from typing import Final

from domain.order.events import OrderLine

VOCABULARY: Final = 1
"""Raise it when the events or commands of an order can say anything else: earlier builds know by it what is newer."""


@dataclass(frozen=True, slots=True)
class PlaceOrder:
    order_id: str
    customer_id: str
    lines: tuple[OrderLine, ...]


@dataclass(frozen=True, slots=True)
class ConfirmOrder:
    """Every line is reserved and the payment has arrived."""


@dataclass(frozen=True, slots=True)
class ShipOrder:
    carrier: str
    tracking_number: str


@dataclass(frozen=True, slots=True)
class CancelOrder:
    reason: str


OrderCommand = PlaceOrder | ConfirmOrder | ShipOrder | CancelOrder
