"""The read model `order-details` shows one order: its lines, its status, and when it came to each status."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from domain.money import Money
from domain.order.aggregate import ORDER
from domain.order.events import (
    OrderCancelled,
    OrderConfirmed,
    OrderEvent,
    OrderLine,
    OrderPlaced,
    OrderShipped,
    OrderStatus,
)
from engine.projecting.projection import Projection
from engine.projecting.query import StreamQuery
from engine.storing.events import RecordedEvent


@dataclass(frozen=True, slots=True)
class Shipment:
    carrier: str
    tracking_number: str
    shipped_at: datetime


@dataclass(frozen=True, slots=True)
class Cancellation:
    reason: str
    cancelled_at: datetime


@dataclass(frozen=True, slots=True)
class OrderDetails:
    order_id: str
    customer_id: str
    status: OrderStatus
    lines: tuple[OrderLine, ...]
    total: Money
    placed_at: datetime
    confirmed_at: datetime | None = None
    shipment: Shipment | None = None
    cancellation: Cancellation | None = None


def project(view: OrderDetails | None, recorded: RecordedEvent[OrderEvent]) -> OrderDetails:
    """Returns the view after the event. Raises ValueError if the stream does not begin with OrderPlaced."""
    event, at = recorded.event, recorded.occurred_at
    if isinstance(event, OrderPlaced):
        return OrderDetails(event.order_id, event.customer_id, event.status, event.lines, event.total, at)
    if view is None:
        raise ValueError(f"{type(event).__name__} before OrderPlaced")
    match event:
        case OrderConfirmed():
            view = replace(view, confirmed_at=at)
        case OrderShipped():
            view = replace(view, shipment=Shipment(event.carrier, event.tracking_number, at))
        case OrderCancelled():
            view = replace(view, cancellation=Cancellation(event.reason, at))
    return replace(view, status=event.status)


ORDER_DETAILS: Final = Projection(
    name="order-details",
    generation=1,
    category=ORDER.category,
    view_class=OrderDetails,
    project=project,
    indexed=("view/status",),
)

BY_ORDER: Final = StreamQuery(ORDER_DETAILS, parameter="orderId", unknown="There is no such order.", at_moments=True)
