"""What can be asked of the stock of one sku."""

from dataclasses import dataclass
from typing import Final

VOCABULARY: Final = 1
"""Raise it when the events or commands of the stock can say anything else: earlier builds know by it what is newer."""


@dataclass(frozen=True, slots=True)
class ReceiveStock:
    sku: str
    quantity: int


@dataclass(frozen=True, slots=True)
class ReserveStock:
    """All of `quantity` for the order, or nothing and an event that says so."""

    sku: str
    order_id: str
    quantity: int


@dataclass(frozen=True, slots=True)
class ReleaseStock:
    """Give back what the order has reserved."""

    sku: str
    order_id: str


@dataclass(frozen=True, slots=True)
class DispatchStock:
    """The order was shipped: what it had reserved has left."""

    sku: str
    order_id: str


StockCommand = ReceiveStock | ReserveStock | ReleaseStock | DispatchStock
