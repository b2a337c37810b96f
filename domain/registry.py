"""What there is: every aggregate, every process, and the events that somebody outside is notified of."""

from typing import Any, Final

from domain.fulfilment.events import FulfilmentEvent
from domain.fulfilment.reactions import FulfilmentInput, fulfilment
from domain.fulfilment.state import FulfilmentState
from domain.order.aggregate import ORDER
from domain.order.events import OrderCancelled, OrderConfirmed, OrderEvent, OrderShipped
from domain.payment.aggregate import PAYMENT
from domain.stock.aggregate import STOCK
from engine.deciding.aggregate import Aggregate
from engine.deciding.process import Process

FULFILMENT: Final[Aggregate[FulfilmentInput, FulfilmentEvent, FulfilmentState]] = fulfilment(
    payment_deadline_seconds=0
).aggregate
"""Reads streams of the process. Its deadline is of no use here: only a process that reacts needs the true one."""

AGGREGATES: Final[tuple[Aggregate[Any, Any, Any], ...]] = (ORDER, PAYMENT, STOCK, FULFILMENT)

NOTIFIED: Final[tuple[type[OrderEvent], ...]] = (OrderConfirmed, OrderShipped, OrderCancelled)
"""The events that are posted to the receiver of notifications."""


def processes(payment_deadline_seconds: int) -> tuple[Process[Any, Any, Any], ...]:
    """With what the settings say of their time."""
    return (fulfilment(payment_deadline_seconds),)
