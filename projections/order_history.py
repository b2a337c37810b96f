"""The read model `order-history` lists a customer's orders, newest first.

It has one view per order, in the partition of the customer.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from domain.money import Money
from domain.order.aggregate import ORDER
from domain.order.events import OrderEvent, OrderPlaced, OrderStatus
from engine.projecting.projection import Projection
from engine.projecting.query import PageQuery
from engine.storing.events import RecordedEvent


@dataclass(frozen=True, slots=True)
class OrderSummary:
    order_id: str
    customer_id: str
    status: OrderStatus
    total: Money
    placed_at: datetime


def project(view: OrderSummary | None, recorded: RecordedEvent[OrderEvent]) -> OrderSummary:
    """Returns the view after the event. Raises ValueError if the stream does not begin with OrderPlaced."""
    event = recorded.event
    if isinstance(event, OrderPlaced):
        return OrderSummary(event.order_id, event.customer_id, event.status, event.total, recorded.occurred_at)
    if view is None:
        raise ValueError(f"{type(event).__name__} before OrderPlaced")
    return replace(view, status=event.status)


def sort_key(placed_at: datetime, order_id: str) -> str:
    """Returns a key that sorts by time, and by order id at the same time.

    Its time has a fixed number of digits, unlike times at rest.
    """
    time = placed_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return f"{time}~{order_id}"


def _customer(recorded: RecordedEvent[OrderEvent]) -> str:
    return recorded.event.customer_id


def _addressing(view: OrderSummary) -> Mapping[str, str]:
    return {"customerId": view.customer_id, "sortKey": sort_key(view.placed_at, view.order_id)}


ORDER_HISTORY: Final = Projection(
    name="order-history",
    generation=1,
    category=ORDER.category,
    view_class=OrderSummary,
    project=project,
    partition_key="customerId",
    partition=_customer,
    addressing=_addressing,
    indexed=("sortKey",),
)

_SORT_KEY: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z~[A-Za-z0-9._-]{1,64}", re.ASCII)

BY_CUSTOMER: Final = PageQuery(ORDER_HISTORY, parameter="customerId", items="orders", sort_key=_SORT_KEY)
