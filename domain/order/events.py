"""What happened to an order.

Storage format: these names and fields lie in the store for ever. A change of either needs a new schema and an
upcaster of its aggregate (domain/registry.py); a golden file per schema holds it to that.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from domain.money import Money


@dataclass(frozen=True, slots=True)
class OrderLine:
    sku: str
    quantity: int
    unit_price: Money


@dataclass(frozen=True, slots=True)
class OrderPlaced:
    order_id: str
    customer_id: str
    lines: tuple[OrderLine, ...]

    @property
    def total(self) -> Money:
        """An order has at least one line, and all its lines have one currency: see decisions.py."""
        amount = sum(line.quantity * line.unit_price.amount for line in self.lines)
        return Money(amount, self.lines[0].unit_price.currency)


@dataclass(frozen=True, slots=True)
class OrderConfirmed:
    order_id: str
    customer_id: str


@dataclass(frozen=True, slots=True)
class OrderShipped:
    order_id: str
    customer_id: str
    carrier: str
    tracking_number: str


@dataclass(frozen=True, slots=True)
class OrderCancelled:
    order_id: str
    customer_id: str
    reason: str


OrderEvent = OrderPlaced | OrderConfirmed | OrderShipped | OrderCancelled

CATEGORY: Final = "order"
"""Stream ids are `order-<orderId>`."""

WIRE_NAMES: Final[Mapping[str, type]] = {
    "OrderPlaced": OrderPlaced,
    "OrderConfirmed": OrderConfirmed,
    "OrderShipped": OrderShipped,
    "OrderCancelled": OrderCancelled,
}
