"""What happened to an order.

Storage format: these names and fields lie in the store for ever. A change of either needs a new schema and an
upcaster in `aggregate.py`; a golden file per schema holds it to that.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

from domain.money import Money

OrderStatus = Literal["placed", "confirmed", "shipped", "cancelled"]
"""Where each event leaves an order."""


@dataclass(frozen=True, slots=True)
class OrderLine:
    sku: str
    quantity: int
    unit_price: Money


@dataclass(frozen=True, slots=True)
class OrderPlaced:
    status: ClassVar[OrderStatus] = "placed"

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
    status: ClassVar[OrderStatus] = "confirmed"

    order_id: str
    customer_id: str


@dataclass(frozen=True, slots=True)
class OrderShipped:
    status: ClassVar[OrderStatus] = "shipped"

    order_id: str
    customer_id: str
    carrier: str
    tracking_number: str


@dataclass(frozen=True, slots=True)
class OrderCancelled:
    status: ClassVar[OrderStatus] = "cancelled"

    order_id: str
    customer_id: str
    reason: str


OrderEvent = OrderPlaced | OrderConfirmed | OrderShipped | OrderCancelled
