"""What there is: every aggregate, every process, and the events that somebody outside is notified of."""

from typing import Any, Final

from domain.fulfilment.events import FulfilmentEvent
from domain.fulfilment.reactions import FulfilmentInput, fulfilment
from domain.fulfilment.state import FulfilmentState
from domain.order import commands as order_commands
from domain.order import events as order_events
from domain.order.commands import OrderCommand
from domain.order.decisions import ORDER as ORDER_DECIDER
from domain.order.events import OrderEvent
from domain.order.state import OrderState
from domain.payment import commands as payment_commands
from domain.payment import events as payment_events
from domain.payment.commands import PaymentCommand
from domain.payment.decisions import PAYMENT as PAYMENT_DECIDER
from domain.payment.events import PaymentEvent
from domain.payment.state import PaymentState
from domain.stock import commands as stock_commands
from domain.stock import events as stock_events
from domain.stock import snapshot as stock_snapshot
from domain.stock.commands import StockCommand
from domain.stock.decisions import STOCK as STOCK_DECIDER
from domain.stock.events import StockEvent
from domain.stock.state import FOLD as STOCK_FOLD
from domain.stock.state import StockState
from engine.deciding.aggregate import Aggregate, SnapshotFormat
from engine.deciding.process import Process

ORDER: Final[Aggregate[OrderCommand, OrderEvent, OrderState]] = Aggregate(
    order_events.CATEGORY, ORDER_DECIDER, order_events.WIRE_NAMES, order_commands.WIRE_NAMES
)
PAYMENT: Final[Aggregate[PaymentCommand, PaymentEvent, PaymentState]] = Aggregate(
    payment_events.CATEGORY, PAYMENT_DECIDER, payment_events.WIRE_NAMES, payment_commands.WIRE_NAMES
)
STOCK: Final[Aggregate[StockCommand, StockEvent, StockState]] = Aggregate(
    stock_events.CATEGORY,
    STOCK_DECIDER,
    stock_events.WIRE_NAMES,
    stock_commands.WIRE_NAMES,
    snapshots=SnapshotFormat(STOCK_FOLD, stock_snapshot.to_data, stock_snapshot.from_data),
)

FULFILMENT: Final[Aggregate[FulfilmentInput, FulfilmentEvent, FulfilmentState]] = fulfilment(
    payment_deadline_seconds=0
).aggregate
"""For reading: what the streams say does not depend on the payment deadline. Whoever reacts builds the process."""

AGGREGATES: Final[tuple[Aggregate[Any, Any, Any], ...]] = (ORDER, PAYMENT, STOCK, FULFILMENT)

NOTIFIED: Final[tuple[str, ...]] = ("OrderConfirmed", "OrderShipped", "OrderCancelled")
"""The names of the events that are posted to the receiver of notifications."""


def processes(payment_deadline_seconds: int) -> tuple[Process[Any, Any, Any], ...]:
    """With what the settings say of their time."""
    return (fulfilment(payment_deadline_seconds),)
