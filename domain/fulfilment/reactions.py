"""The rules of the process of an order: what it does about what happened.

    placed → reserve each sku → all reserved → request the payment → paid → confirm → shipped → dispatch the stock

A refusal, a declined or expired payment or the end of its time cancels the order; a cancelled order, whoever cancelled
it, is taken back: what is reserved is released, what is paid is refunded, a payment that is still open is closed. What
arrives later is given back when it arrives.

It waits for facts, never for answers: every command that it issues is followed by an event of its target, or finds one
there that reaches the process as well.

Facts come twice and in any order, those of one stream too, and none is dropped because it came early. What comes before
the placement is remembered until then. After that every fact is learnt when it comes, and what follows is decided by
all that is known: a stronger fact of a stream stands for the weaker ones, which may never come, and a weaker one that
comes later says nothing new.
"""

from collections import Counter
from dataclasses import replace
from functools import partial
from operator import attrgetter
from typing import Final

from domain.fulfilment.commands import VOCABULARY, AbandonFulfilment
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
    Requests,
    ReservationGranted,
    ReservationRefused,
)
from domain.fulfilment.facts import STRONGEST_FIRST, EarlyFact, Fact
from domain.fulfilment.state import INITIAL, Fulfilment, FulfilmentState, NotStarted, evolve
from domain.order.aggregate import ORDER
from domain.order.commands import CancelOrder, ConfirmOrder
from domain.order.events import OrderCancelled, OrderConfirmed, OrderPlaced, OrderShipped
from domain.payment.aggregate import PAYMENT
from domain.payment.commands import ExpirePayment, RefundPayment, RequestPayment
from domain.payment.events import PaymentDeclined, PaymentExpired, PaymentProcessed, PaymentRefunded
from domain.stock.aggregate import STOCK
from domain.stock.commands import DispatchStock, ReleaseStock, ReserveStock
from domain.stock.events import StockDispatched, StockReleased, StockReservationRefused, StockReserved
from engine.deciding.aggregate import Aggregate
from engine.deciding.decider import Decider
from engine.deciding.process import Issued, Process

FulfilmentInput = Fact | AbandonFulfilment

_CATEGORY: Final = "fulfilment"
"""Stream ids are `fulfilment-<orderId>`."""

ABANDONED_AFTER: Final = 7 * 24 * 3600
"""Seconds beyond the payment deadline that reservations and confirmation may take: long enough to mend an outage."""


def fulfilment(payment_deadline_seconds: int) -> Process[FulfilmentInput, FulfilmentEvent, FulfilmentState]:
    """The process, with the time that a customer has to pay."""
    decide = partial(_decide, payment_deadline_seconds)
    return Process(
        aggregate=Aggregate(
            _CATEGORY,
            Decider(INITIAL, decide, evolve),
            events=FulfilmentEvent,
            commands=AbandonFulfilment,
            vocabulary=VOCABULARY,
        ),
        inputs=Fact,
        correlation=attrgetter("order_id"),
        issued=attrgetter("issued"),
        ended=lambda state: isinstance(state, Fulfilment) and state.is_ended,
    )


def _decide(payment_deadline: int, happened: FulfilmentInput, state: FulfilmentState) -> tuple[FulfilmentEvent, ...]:
    if isinstance(state, Fulfilment):
        event = _react(payment_deadline, happened, state)
        return () if event is None else (event,)
    match happened:
        case OrderPlaced():
            return _start(payment_deadline, happened, state)
        case AbandonFulfilment():
            return ()
        case fact:
            return _remember(fact, state)


def _remember(fact: EarlyFact, state: NotStarted) -> tuple[FulfilmentEvent, ...]:
    return () if fact in state.early else (FactRemembered(fact.order_id, fact, ()),)


def _start(payment_deadline: int, placed: OrderPlaced, state: NotStarted) -> tuple[FulfilmentEvent, ...]:
    """The start, and then what each fact that came early leads to now, as far as it says more than those before it."""
    started = FulfilmentStarted(placed.order_id, placed.total, _first_requests(payment_deadline, placed, state))
    events: list[FulfilmentEvent] = [started]
    reached = evolve(state, started)
    for fact in sorted(state.early, key=lambda each: STRONGEST_FIRST.index(type(each))):
        for event in _decide(payment_deadline, fact, reached):
            events.append(event)
            reached = evolve(reached, event)
    return tuple(events)


def _first_requests(payment_deadline: int, placed: OrderPlaced, state: NotStarted) -> Requests:
    """None for an order that is over already."""
    if any(isinstance(fact, OrderCancelled | OrderShipped) for fact in state.early):
        return ()
    quantities: Counter[str] = Counter()
    for line in placed.lines:
        quantities[line.sku] += line.quantity
    reservations: Requests = tuple(
        Issued(STOCK.category, sku, ReserveStock(sku, placed.order_id, quantity))
        for sku, quantity in quantities.items()
        if sku not in state.skus
    )
    return *reservations, Issued(_CATEGORY, placed.order_id, AbandonFulfilment(), payment_deadline + ABANDONED_AFTER)


def _react(payment_deadline: int, happened: FulfilmentInput, state: Fulfilment) -> FulfilmentEvent | None:
    """None for what the process knows already, or did not ask for."""
    order_id = state.order_id
    match happened:
        case StockReserved(sku) if sku in state.awaited:
            return ReservationGranted(order_id, sku, _after_grant(payment_deadline, state, sku))
        case StockReservationRefused(sku) if sku in state.awaited:
            return ReservationRefused(order_id, sku, _cancel(state, f"Out of stock: {sku}."))
        case PaymentProcessed() if state.payment in ("none", "requested", "failed"):
            return PaymentArrived(order_id, _after_payment(state))
        case PaymentDeclined(reason=reason) if state.payment in ("none", "requested"):
            return PaymentFailed(order_id, _cancel(_failed(state), f"The payment was declined: {reason}"))
        case PaymentExpired() if state.payment in ("none", "requested"):
            return PaymentFailed(order_id, _cancel(_failed(state), "The payment did not arrive in time."))
        case PaymentRefunded() if state.payment != "refunded":
            return RefundCompleted(order_id, ())
        case OrderConfirmed() if state.order in ("placed", "confirming"):
            return ConfirmationCompleted(order_id, ())
        case OrderShipped() if state.order not in ("shipped", "cancelled"):
            return DispatchStarted(order_id, tuple(_dispatch(state, sku) for sku in sorted(state.reserved)))
        case OrderCancelled() if state.order not in ("cancelled", "shipped"):
            return CancellationFollowed(order_id, () if state.is_cancelled else _take_back(state))
        case StockReleased(sku) if sku in state.skus:
            return ReleaseCompleted(order_id, sku, ())
        case StockDispatched(sku) if sku in state.skus:
            return DispatchCompleted(order_id, sku, ())
        case AbandonFulfilment() if state.order == "placed":
            return FulfilmentAbandoned(order_id, _cancel(state, "The order could not be completed in time."))
        case _:
            return None


def _after_grant(payment_deadline: int, state: Fulfilment, sku: str) -> Requests:
    if state.is_cancelled:
        return (_release(state, sku),)
    if state.order == "shipped":
        return (_dispatch(state, sku),)
    if state.order == "placed" and state.awaited == {sku}:
        return _charge(payment_deadline, state)
    return ()


def _charge(payment_deadline: int, state: Fulfilment) -> Requests:
    """All is reserved. The payment may be known already."""
    order_id, amount = state.order_id, state.amount
    match state.payment:
        case "none" if amount.amount > 0:
            return (
                Issued(PAYMENT.category, order_id, RequestPayment(order_id, amount)),
                Issued(PAYMENT.category, order_id, ExpirePayment(order_id, amount), payment_deadline),
            )
        case "none" | "processed":
            return (_confirm(state),)
        case _:
            return ()


def _after_payment(state: Fulfilment) -> Requests:
    if state.is_cancelled:
        return (_refund(state),)
    return (_confirm(state),) if state.order == "placed" and not state.awaited else ()


def _cancel(state: Fulfilment, reason: str) -> Requests:
    if state.is_cancelled or state.order == "shipped":
        return ()
    return (Issued(ORDER.category, state.order_id, CancelOrder(reason)), *_take_back(state))


def _take_back(state: Fulfilment) -> Requests:
    released = tuple(_release(state, sku) for sku in sorted(state.reserved))
    match state.payment:
        case "processed":
            return (*released, _refund(state))
        case "requested":
            return (*released, Issued(PAYMENT.category, state.order_id, ExpirePayment(state.order_id, state.amount)))
        case _:
            return released


def _dispatch(state: Fulfilment, sku: str) -> Issued[Request]:
    return Issued(STOCK.category, sku, DispatchStock(sku, state.order_id))


def _release(state: Fulfilment, sku: str) -> Issued[Request]:
    return Issued(STOCK.category, sku, ReleaseStock(sku, state.order_id))


def _confirm(state: Fulfilment) -> Issued[Request]:
    return Issued(ORDER.category, state.order_id, ConfirmOrder())


def _refund(state: Fulfilment) -> Issued[Request]:
    return Issued(PAYMENT.category, state.order_id, RefundPayment())


def _failed(state: Fulfilment) -> Fulfilment:
    return replace(state, payment="failed")
