"""How far the process of an order has come: what it has learnt, and which of its requests are still open.

An order has at most 100 lines, which bounds the state and the work of every fold: repetitions add nothing.
"""

from dataclasses import dataclass, replace
from typing import Final, Literal, assert_never

from domain.fulfilment.commands import AbandonFulfilment
from domain.fulfilment.events import (
    CancellationFollowed,
    ConfirmationCompleted,
    DispatchCompleted,
    DispatchStarted,
    FactRemembered,
    FulfilmentAbandoned,
    FulfilmentEvent,
    FulfilmentStarted,
    PaymentArrived,
    PaymentFailed,
    RefundCompleted,
    ReleaseCompleted,
    Request,
    ReservationGranted,
    ReservationRefused,
)
from domain.fulfilment.facts import EarlyFact, StockFact
from domain.money import Money
from domain.order.commands import CancelOrder, ConfirmOrder
from domain.payment.commands import ExpirePayment, RefundPayment, RequestPayment
from domain.stock.commands import DispatchStock, ReleaseStock, ReserveStock


@dataclass(frozen=True, slots=True)
class NotStarted:
    """`early` is what came before the placement of the order, each fact once: a stream says nothing twice."""

    early: tuple[EarlyFact, ...] = ()

    @property
    def skus(self) -> frozenset[str]:
        """Of which a fact about stock has come."""
        return frozenset(fact.sku for fact in self.early if isinstance(fact, StockFact))


@dataclass(frozen=True, slots=True)
class Fulfilment:
    """What is known of the order and of its payment, the strongest fact of each, and what was asked of them.

    Skus are `awaited` until their reservation is granted or refused, `reserved`, and then `leaving` until the stock
    has released or dispatched them.
    """

    order_id: str
    amount: Money
    order: Literal["placed", "confirming", "confirmed", "shipped", "cancelling", "cancelled"] = "placed"
    payment: Literal["none", "requested", "processed", "failed", "refunding", "refunded"] = "none"
    awaited: frozenset[str] = frozenset()
    reserved: frozenset[str] = frozenset()
    leaving: frozenset[str] = frozenset()

    @property
    def skus(self) -> frozenset[str]:
        """Which the stock may still say something new about."""
        return self.awaited | self.reserved | self.leaving

    @property
    def is_cancelled(self) -> bool:
        """Whatever arrives from now on is given back."""
        return self.order in ("cancelling", "cancelled")

    @property
    def is_ended(self) -> bool:
        """Nothing is outstanding. Only money that arrives late starts it again, to be refunded."""
        return (
            self.order in ("shipped", "cancelled")
            and self.payment not in ("requested", "refunding")
            and not (self.awaited or self.leaving)
        )


FulfilmentState = NotStarted | Fulfilment

INITIAL: Final = NotStarted()


def evolve(state: FulfilmentState, event: FulfilmentEvent) -> FulfilmentState:
    match state, event:
        case NotStarted(), FactRemembered():
            return NotStarted((*state.early, event.fact))
        case NotStarted(), FulfilmentStarted():
            state = Fulfilment(event.order_id, event.amount, awaited=state.skus)
        case Fulfilment(), _:
            state = _having_learnt(state, event)
        case _:
            return state
    for issued in event.issued:
        state = _having_asked(state, issued.command)
    return state


def _having_learnt(state: Fulfilment, event: FulfilmentEvent) -> Fulfilment:
    match event:
        case ReservationGranted():
            return replace(state, awaited=state.awaited - {event.sku}, reserved=state.reserved | {event.sku})
        case ReservationRefused():
            return replace(state, awaited=state.awaited - {event.sku})
        case PaymentArrived():
            return replace(state, payment="processed")
        case PaymentFailed():
            return replace(state, payment="failed")
        case ConfirmationCompleted():
            return replace(state, order="confirmed")
        case DispatchStarted():
            return replace(state, order="shipped")
        case CancellationFollowed():
            return replace(state, order="cancelled")
        case DispatchCompleted() | ReleaseCompleted():
            return _without(state, event.sku)
        case RefundCompleted():
            return replace(state, payment="refunded")
        case FactRemembered() | FulfilmentStarted() | FulfilmentAbandoned():
            return state
        case _:
            assert_never(event)


def _without(state: Fulfilment, sku: str) -> Fulfilment:
    return replace(state, awaited=state.awaited - {sku}, reserved=state.reserved - {sku}, leaving=state.leaving - {sku})


def _having_asked(state: Fulfilment, command: Request) -> Fulfilment:
    match command:
        case ReserveStock():
            return replace(state, awaited=state.awaited | {command.sku})
        case ReleaseStock() | DispatchStock():
            return replace(state, reserved=state.reserved - {command.sku}, leaving=state.leaving | {command.sku})
        case RequestPayment():
            return replace(state, payment="requested")
        case RefundPayment():
            return replace(state, payment="refunding")
        case ConfirmOrder():
            return replace(state, order="confirming")
        case CancelOrder():
            return replace(state, order="cancelling")
        case ExpirePayment() | AbandonFulfilment():
            return state
        case _:
            assert_never(command)
