"""The rules of the process of an order: what it does about what happened.

    placed → reserve each sku → all reserved → request the payment → paid → confirm → shipped → dispatch the stock

A refusal, a declined or expired payment or the end of its time cancels the order; a cancelled order, whoever cancelled
it, is taken back: what is reserved is released, what is paid is refunded, a payment that is still open is closed. What
arrives later is given back when it arrives.

It waits for facts, never for answers: every command that it issues is followed by an event of its target, or finds one
there that reaches the process as well. It decides by what it has learnt so far, so an input that comes twice, or in
another order than it happened, changes nothing that it should not.
"""

from collections import Counter
from dataclasses import replace
from functools import partial
from operator import attrgetter
from typing import Final

from domain.fulfilment.commands import AbandonFulfilment
from domain.fulfilment.events import (
    CancellationFollowed,
    ConfirmationCompleted,
    DispatchCompleted,
    DispatchStarted,
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
from domain.fulfilment.state import INITIAL, Fulfilment, FulfilmentState, evolve
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

Fact = (
    OrderPlaced
    | OrderConfirmed
    | OrderShipped
    | OrderCancelled
    | StockReserved
    | StockReservationRefused
    | StockReleased
    | StockDispatched
    | PaymentProcessed
    | PaymentDeclined
    | PaymentExpired
    | PaymentRefunded
)
"""What happened elsewhere; each says of which order."""

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
            _CATEGORY, Decider(INITIAL, decide, evolve), events=FulfilmentEvent, commands=AbandonFulfilment
        ),
        inputs=Fact,
        correlation=attrgetter("order_id"),
        issued=attrgetter("issued"),
    )


def _decide(payment_deadline: int, happened: FulfilmentInput, state: FulfilmentState) -> tuple[FulfilmentEvent, ...]:
    if isinstance(state, Fulfilment):
        event = _react(payment_deadline, happened, state)
    else:
        event = _start(payment_deadline, happened) if isinstance(happened, OrderPlaced) else None
    return () if event is None else (event,)


def _start(payment_deadline: int, placed: OrderPlaced) -> FulfilmentStarted:
    quantities: Counter[str] = Counter()
    for line in placed.lines:
        quantities[line.sku] += line.quantity
    reservations: Requests = tuple(
        Issued(STOCK.category, sku, ReserveStock(sku, placed.order_id, quantity))
        for sku, quantity in quantities.items()
    )
    timeout = Issued(_CATEGORY, placed.order_id, AbandonFulfilment(), payment_deadline + ABANDONED_AFTER)
    return FulfilmentStarted(placed.order_id, placed.total, (*reservations, timeout))


def _react(payment_deadline: int, happened: FulfilmentInput, state: Fulfilment) -> FulfilmentEvent | None:
    """None for what the process knows already, or did not ask for."""
    order_id = state.order_id
    match happened:
        case StockReserved(sku) if sku in state.awaited:
            return ReservationGranted(order_id, sku, _after_grant(payment_deadline, state, sku))
        case StockReservationRefused(sku) if sku in state.awaited:
            return ReservationRefused(order_id, sku, _cancel(state, f"Out of stock: {sku}."))
        case PaymentProcessed() if state.payment in ("requested", "failed"):
            return PaymentArrived(order_id, (_refund(state) if state.is_cancelled else _confirm(state),))
        case PaymentDeclined(reason=reason) if state.payment == "requested":
            return PaymentFailed(order_id, _cancel(_failed(state), f"The payment was declined: {reason}"))
        case PaymentExpired() if state.payment == "requested":
            return PaymentFailed(order_id, _cancel(_failed(state), "The payment did not arrive in time."))
        case PaymentRefunded() if state.payment == "refunding":
            return RefundCompleted(order_id, ())
        case OrderConfirmed() if state.order == "confirming":
            return ConfirmationCompleted(order_id, ())
        case OrderShipped() if state.order == "confirmed":
            return DispatchStarted(order_id, _dispatch(state))
        case OrderCancelled() if state.order not in ("cancelled", "shipped"):
            return CancellationFollowed(order_id, () if state.is_cancelled else _take_back(state))
        case StockReleased(sku) if sku in state.leaving:
            return ReleaseCompleted(order_id, sku, ())
        case StockDispatched(sku) if sku in state.leaving:
            return DispatchCompleted(order_id, sku, ())
        case AbandonFulfilment() if state.order == "placed":
            return FulfilmentAbandoned(order_id, _cancel(state, "The order could not be completed in time."))
        case _:
            return None


def _after_grant(payment_deadline: int, state: Fulfilment, sku: str) -> Requests:
    order_id, amount = state.order_id, state.amount
    if state.is_cancelled:
        return (_release(state, sku),)
    if state.awaited != {sku}:
        return ()
    if amount.amount == 0:
        return (_confirm(state),)
    return (
        Issued(PAYMENT.category, order_id, RequestPayment(order_id, amount)),
        Issued(PAYMENT.category, order_id, ExpirePayment(order_id, amount), payment_deadline),
    )


def _cancel(state: Fulfilment, reason: str) -> Requests:
    if state.is_cancelled:
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


def _dispatch(state: Fulfilment) -> Requests:
    return tuple(Issued(STOCK.category, sku, DispatchStock(sku, state.order_id)) for sku in sorted(state.reserved))


def _release(state: Fulfilment, sku: str) -> Issued[Request]:
    return Issued(STOCK.category, sku, ReleaseStock(sku, state.order_id))


def _confirm(state: Fulfilment) -> Issued[Request]:
    return Issued(ORDER.category, state.order_id, ConfirmOrder())


def _refund(state: Fulfilment) -> Issued[Request]:
    return Issued(PAYMENT.category, state.order_id, RefundPayment())


def _failed(state: Fulfilment) -> Fulfilment:
    return replace(state, payment="failed")
