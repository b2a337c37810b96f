"""Where the money is: what the decisions of a payment need to know, and no more."""

from dataclasses import dataclass
from typing import Final, assert_never

from domain.money import Money
from domain.payment.events import (
    PaymentDeclined,
    PaymentEvent,
    PaymentExpired,
    PaymentProcessed,
    PaymentRefunded,
    PaymentRequested,
)


@dataclass(frozen=True, slots=True)
class NotRequested:
    pass


@dataclass(frozen=True, slots=True)
class Requested:
    order_id: str
    amount: Money


@dataclass(frozen=True, slots=True)
class Failed:
    """Declined or expired. Money may still arrive."""

    order_id: str
    amount: Money


@dataclass(frozen=True, slots=True)
class Processed:
    order_id: str
    amount: Money
    reference: str


@dataclass(frozen=True, slots=True)
class Refunded:
    order_id: str
    amount: Money
    reference: str


PaymentState = NotRequested | Requested | Failed | Processed | Refunded

INITIAL: Final = NotRequested()


def evolve(state: PaymentState, event: PaymentEvent) -> PaymentState:
    match event:
        case PaymentRequested():
            return Requested(event.order_id, event.amount)
        case PaymentProcessed():
            return Processed(event.order_id, event.amount, event.reference)
        case PaymentDeclined() | PaymentExpired():
            return state if isinstance(state, NotRequested) else Failed(state.order_id, state.amount)
        case PaymentRefunded():
            return Refunded(event.order_id, event.amount, state.reference if isinstance(state, Processed) else "")
        case _:
            assert_never(event)
