"""What the process of an order reacted to, and the commands that it issued: one event per reaction.

Storage format: these names and fields, and those of the commands and facts that they hold, lie in the store for ever.
A change of either needs a new schema and an upcaster in `reactions.py`; a golden file per schema, and one of every fact
that is remembered, hold it to that.
"""

from dataclasses import dataclass

from domain.fulfilment.commands import AbandonFulfilment
from domain.fulfilment.facts import EarlyFact
from domain.money import Money
from domain.order.commands import CancelOrder, ConfirmOrder
from domain.payment.commands import ExpirePayment, RefundPayment, RequestPayment
from domain.stock.commands import DispatchStock, ReleaseStock, ReserveStock
from engine.deciding.process import Issued

Request = (
    ReserveStock
    | ReleaseStock
    | DispatchStock
    | RequestPayment
    | ExpirePayment
    | RefundPayment
    | ConfirmOrder
    | CancelOrder
    | AbandonFulfilment
)
Requests = tuple[Issued[Request], ...]


@dataclass(frozen=True, slots=True)
class FactRemembered:
    """It came before `OrderPlaced` did, and is reacted to when that comes."""

    order_id: str
    fact: EarlyFact
    issued: Requests


@dataclass(frozen=True, slots=True)
class FulfilmentStarted:
    """The order was placed; `amount` is its total."""

    order_id: str
    amount: Money
    issued: Requests


@dataclass(frozen=True, slots=True)
class ReservationGranted:
    order_id: str
    sku: str
    issued: Requests


@dataclass(frozen=True, slots=True)
class ReservationRefused:
    order_id: str
    sku: str
    issued: Requests


@dataclass(frozen=True, slots=True)
class PaymentArrived:
    order_id: str
    issued: Requests


@dataclass(frozen=True, slots=True)
class PaymentFailed:
    """Declined or expired. Money may still arrive."""

    order_id: str
    issued: Requests


@dataclass(frozen=True, slots=True)
class ConfirmationCompleted:
    order_id: str
    issued: Requests


@dataclass(frozen=True, slots=True)
class DispatchStarted:
    """The order was shipped."""

    order_id: str
    issued: Requests


@dataclass(frozen=True, slots=True)
class DispatchCompleted:
    """The units of one sku have left the stock."""

    order_id: str
    sku: str
    issued: Requests


@dataclass(frozen=True, slots=True)
class CancellationFollowed:
    """The order was cancelled, by the customer or by this process."""

    order_id: str
    issued: Requests


@dataclass(frozen=True, slots=True)
class ReleaseCompleted:
    """The units of one sku are available again."""

    order_id: str
    sku: str
    issued: Requests


@dataclass(frozen=True, slots=True)
class RefundCompleted:
    order_id: str
    issued: Requests


@dataclass(frozen=True, slots=True)
class FulfilmentAbandoned:
    """The time for the whole passed before the order could be confirmed."""

    order_id: str
    issued: Requests


FulfilmentEvent = (
    FulfilmentStarted
    | ReservationGranted
    | ReservationRefused
    | PaymentArrived
    | PaymentFailed
    | ConfirmationCompleted
    | DispatchStarted
    | DispatchCompleted
    | CancellationFollowed
    | ReleaseCompleted
    | RefundCompleted
    | FulfilmentAbandoned
    | FactRemembered
)
