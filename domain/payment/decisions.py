"""The rules of a payment. Money that has arrived is always recorded, however late; it goes back at most once.

An order is paid once. What comes under another reference is surplus, whether the order stands or not, so the payment
gives it back by itself, in the same breath: nobody has to be asked, and nothing can come between.

A command that is already satisfied, or that a fact has settled otherwise, yields no event.
"""

from typing import assert_never

from domain.payment.commands import (
    DeclinePayment,
    ExpirePayment,
    PaymentCommand,
    ProcessPayment,
    RefundPayment,
    RequestPayment,
)
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
from domain.payment.state import (
    Failed,
    NotRequested,
    PaymentState,
    Processed,
    Refunded,
    Requested,
)
from engine.deciding.decider import DomainError, NotFound


class PaymentNotRequested(NotFound):
    def __init__(self) -> None:
        super().__init__(
            "No payment has been requested for this order yet: that is done once it is reserved. Try again in a while."
        )


class InvalidAmount(DomainError):
    def __init__(self) -> None:
        super().__init__("The amount of a payment is zero or more.")


class PaymentAlreadyProcessed(DomainError):
    """The money of another payment counts: look at the payment of the order before you report again."""

    def __init__(self) -> None:
        super().__init__("Another payment for this order has already been processed.")


class NothingToRefund(DomainError):
    def __init__(self) -> None:
        super().__init__("No money has arrived for this order.")


def decide(command: PaymentCommand, state: PaymentState) -> tuple[PaymentEvent, ...]:
    if isinstance(command, RequestPayment):
        return _request(command, state)
    if isinstance(command, ExpirePayment):
        return _expire(command, state)
    if isinstance(state, NotRequested):
        raise PaymentNotRequested
    match command:
        case ProcessPayment():
            return _process(command, state)
        case DeclinePayment():
            return _decline(command, state)
        case RefundPayment():
            return _refund(state)
        case _:
            assert_never(command)


def _request(command: RequestPayment | ExpirePayment, state: PaymentState) -> tuple[PaymentEvent, ...]:
    if command.amount.amount < 0:
        raise InvalidAmount
    return (PaymentRequested(command.order_id, command.amount),) if isinstance(state, NotRequested) else ()


def _expire(command: ExpirePayment, state: PaymentState) -> tuple[PaymentEvent, ...]:
    """An expiry that overtakes its request leaves both events, so that the request finds itself settled."""
    match state:
        case NotRequested():
            return (*_request(command, state), PaymentExpired(command.order_id))
        case Requested():
            return (PaymentExpired(state.order_id),)
        case Failed() | Processed() | Refunded():
            return ()
        case _:
            assert_never(state)


def _process(command: ProcessPayment, state: Requested | Failed | Processed | Refunded) -> tuple[PaymentEvent, ...]:
    match state:
        case Requested() | Failed():
            return (PaymentProcessed(state.order_id, state.amount, command.reference),)
        case Processed() | Refunded():
            if command.reference in state.references:
                return ()
            surplus = (state.order_id, state.amount, command.reference)
            return SurplusReceived(*surplus), SurplusRefunded(*surplus)
        case _:
            assert_never(state)


def _decline(command: DeclinePayment, state: Requested | Failed | Processed | Refunded) -> tuple[PaymentEvent, ...]:
    match state:
        case Requested():
            return (PaymentDeclined(state.order_id, command.reference, command.reason),)
        case Failed():
            return ()
        case Processed() | Refunded():
            raise PaymentAlreadyProcessed
        case _:
            assert_never(state)


def _refund(state: Requested | Failed | Processed | Refunded) -> tuple[PaymentEvent, ...]:
    match state:
        case Processed():
            return (PaymentRefunded(state.order_id, state.amount),)
        case Refunded():
            return ()
        case Requested() | Failed():
            raise NothingToRefund
        case _:
            assert_never(state)
