"""Where the money is: what the decisions of a payment need to know, and no more."""

from dataclasses import dataclass, replace
from typing import Final, assert_never

from domain.money import Money
from domain.payment.events import (
    PaymentDeclined,
    PaymentEvent,
    PaymentExpired,
    PaymentProcessed,
    PaymentRefunded,
    PaymentRequested,
    SurplusReceived,
    SurplusRefunded,
)


@dataclass(frozen=True, slots=True)
class References:
    """Under which money has arrived, the newest first: a chain, so that one more costs the same after any number."""

    newest: str
    earlier: "References | None" = None

    def __contains__(self, reference: str) -> bool:
        link: References | None = self
        while link is not None:
            if link.newest == reference:
                return True
            link = link.earlier
        return False


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
    references: References


@dataclass(frozen=True, slots=True)
class Refunded:
    order_id: str
    amount: Money
    references: References


PaymentState = NotRequested | Requested | Failed | Processed | Refunded

INITIAL: Final = NotRequested()


def evolve(state: PaymentState, event: PaymentEvent) -> PaymentState:
    match event:
        case PaymentRequested():
            return Requested(event.order_id, event.amount)
        case PaymentProcessed():
            return Processed(event.order_id, event.amount, References(event.reference))
        case PaymentDeclined() | PaymentExpired():
            return state if isinstance(state, NotRequested) else Failed(state.order_id, state.amount)
        case PaymentRefunded():
            references = state.references if isinstance(state, Processed) else References("")
            return Refunded(event.order_id, event.amount, references)
        case SurplusReceived():
            if isinstance(state, Processed | Refunded):
                return replace(state, references=References(event.reference, state.references))
            return state
        case SurplusRefunded():
            return state
        case _:
            assert_never(event)
