"""How far an order has come: what its decisions need to know, and no more."""

from dataclasses import dataclass
from typing import Final, assert_never

from domain.order.events import OrderCancelled, OrderConfirmed, OrderEvent, OrderPlaced, OrderShipped


@dataclass(frozen=True, slots=True)
class NotPlaced:
    pass


@dataclass(frozen=True, slots=True)
class Placed:
    order_id: str
    customer_id: str


@dataclass(frozen=True, slots=True)
class Confirmed:
    order_id: str
    customer_id: str


@dataclass(frozen=True, slots=True)
class Shipped:
    order_id: str
    customer_id: str
    carrier: str
    tracking_number: str


@dataclass(frozen=True, slots=True)
class Cancelled:
    order_id: str
    customer_id: str


OrderState = NotPlaced | Placed | Confirmed | Shipped | Cancelled

INITIAL: Final = NotPlaced()


def evolve(_state: OrderState, event: OrderEvent) -> OrderState:
    """Each event carries all that the next decision needs, so the state before it does not matter."""
    match event:
        case OrderPlaced():
            return Placed(event.order_id, event.customer_id)
        case OrderConfirmed():
            return Confirmed(event.order_id, event.customer_id)
        case OrderShipped():
            return Shipped(event.order_id, event.customer_id, event.carrier, event.tracking_number)
        case OrderCancelled():
            return Cancelled(event.order_id, event.customer_id)
        case _:
            assert_never(event)
