"""What the process of an order reacts to: what happened to the order, to its payment, and to the stock for it."""

from typing import Final

from domain.order.events import OrderCancelled, OrderConfirmed, OrderPlaced, OrderShipped
from domain.payment.events import PaymentDeclined, PaymentExpired, PaymentProcessed, PaymentRefunded
from domain.stock.events import StockDispatched, StockReleased, StockReservationRefused, StockReserved

StockFact = StockReserved | StockReservationRefused | StockReleased | StockDispatched

EarlyFact = (
    OrderConfirmed
    | OrderShipped
    | OrderCancelled
    | PaymentProcessed
    | PaymentDeclined
    | PaymentExpired
    | PaymentRefunded
    | StockFact
)
"""May reach the process before the placement of the order does."""

Fact = OrderPlaced | EarlyFact
"""Each says of which order."""

STRONGEST_FIRST: Final[tuple[type[EarlyFact], ...]] = (
    OrderCancelled,
    OrderShipped,
    OrderConfirmed,
    PaymentRefunded,
    PaymentProcessed,
    PaymentExpired,
    PaymentDeclined,
    StockDispatched,
    StockReleased,
    StockReserved,
    StockReservationRefused,
)
"""A fact of a stream says all that those below it, of the same stream, could say. Whether the order stands, and whether
it is paid, is asked before what is done about its stock."""
