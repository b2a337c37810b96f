"""What can be asked of the payment of an order."""

from dataclasses import dataclass
from typing import Final

from domain.money import Money

VOCABULARY: Final = 1
"""Raise it when the events or commands of a payment can say anything else: earlier builds know by it what is newer."""


@dataclass(frozen=True, slots=True)
class RequestPayment:
    order_id: str
    amount: Money


@dataclass(frozen=True, slots=True)
class ProcessPayment:
    """The provider says that the money has arrived."""

    reference: str


@dataclass(frozen=True, slots=True)
class DeclinePayment:
    """The provider says that no money will come."""

    reference: str
    reason: str


@dataclass(frozen=True, slots=True)
class ExpirePayment:
    """The payment is awaited no longer. The payment alone decides whether that came too late.

    It says what was asked for, so that it stands for the request too if it overtakes it.
    """

    order_id: str
    amount: Money


@dataclass(frozen=True, slots=True)
class RefundPayment:
    """The order will not be fulfilled: give the money back."""


PaymentCommand = RequestPayment | ProcessPayment | DeclinePayment | ExpirePayment | RefundPayment
