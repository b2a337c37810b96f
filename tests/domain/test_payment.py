"""The rules of a payment."""

import pytest

from domain.money import Money
from domain.payment.aggregate import PAYMENT
from domain.payment.commands import (
    DeclinePayment,
    ExpirePayment,
    PaymentCommand,
    ProcessPayment,
    RefundPayment,
    RequestPayment,
)
from domain.payment.decisions import (
    InvalidAmount,
    NothingToRefund,
    PaymentAlreadyProcessed,
    PaymentNotRequested,
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
from engine.testing.deciders import given

AMOUNT = Money(2500, "EUR")
REQUESTED = PaymentRequested("o-1", AMOUNT)
PROCESSED = PaymentProcessed("o-1", AMOUNT, "pay-1")
DECLINED = PaymentDeclined("o-1", "pay-1", "no funds")
EXPIRED = PaymentExpired("o-1")
REFUNDED = PaymentRefunded("o-1", AMOUNT)

PROCESS = ProcessPayment("pay-1")
DECLINE = DeclinePayment("pay-1", "no funds")
EXPIRE = ExpirePayment("o-1", AMOUNT)
REFUND = RefundPayment()


def test_a_payment_is_requested_once() -> None:
    given(PAYMENT).when(RequestPayment("o-1", AMOUNT)).then(REQUESTED)
    given(PAYMENT, REQUESTED).when(RequestPayment("o-1", AMOUNT)).then_nothing()


def test_nobody_is_asked_for_less_than_nothing() -> None:
    given(PAYMENT).when(RequestPayment("o-1", Money(-1, "EUR"))).then_rejected(InvalidAmount)
    given(PAYMENT).when(ExpirePayment("o-1", Money(-1, "EUR"))).then_rejected(InvalidAmount)
    given(PAYMENT).when(RequestPayment("o-1", Money(0, "EUR"))).then(PaymentRequested("o-1", Money(0, "EUR")))


@pytest.mark.parametrize("command", [PROCESS, DECLINE, REFUND])
def test_a_payment_that_was_never_requested_is_not_found(command: PaymentCommand) -> None:
    given(PAYMENT).when(command).then_rejected(PaymentNotRequested)


@pytest.mark.parametrize(
    ("command", "event"), [(PROCESS, PROCESSED), (DECLINE, DECLINED), (EXPIRE, EXPIRED)], ids=["in", "no", "late"]
)
def test_a_requested_payment_is_settled_once(command: PaymentCommand, event: PaymentEvent) -> None:
    given(PAYMENT, REQUESTED).when(command).then(event)
    given(PAYMENT, REQUESTED, event).when(command).then_nothing()


@pytest.mark.parametrize("failure", [DECLINED, EXPIRED])
def test_money_that_arrives_late_is_recorded(failure: PaymentEvent) -> None:
    given(PAYMENT, REQUESTED, failure).when(PROCESS).then(PROCESSED)


def test_a_payment_that_arrived_settles_its_expiry() -> None:
    given(PAYMENT, REQUESTED, PROCESSED).when(EXPIRE).then_nothing()


def test_an_expiry_that_overtakes_its_request_stands_for_both() -> None:
    given(PAYMENT).when(EXPIRE).then(REQUESTED, EXPIRED)
    given(PAYMENT, REQUESTED, EXPIRED).when(RequestPayment("o-1", AMOUNT)).then_nothing()


def test_a_failed_payment_does_not_fail_again() -> None:
    given(PAYMENT, REQUESTED, DECLINED).when(EXPIRE).then_nothing()
    given(PAYMENT, REQUESTED, EXPIRED).when(DECLINE).then_nothing()


def surplus(reference: str) -> tuple[PaymentEvent, ...]:
    return SurplusReceived("o-1", AMOUNT, reference), SurplusRefunded("o-1", AMOUNT, reference)


SETTLED: tuple[tuple[PaymentEvent, ...], ...] = (
    (REQUESTED, PROCESSED),
    (REQUESTED, EXPIRED, PROCESSED),
    (REQUESTED, PROCESSED, REFUNDED),
    (REQUESTED, PROCESSED, *surplus("pay-0")),
    (REQUESTED, PROCESSED, REFUNDED, *surplus("pay-0")),
    (REQUESTED, PROCESSED, *surplus("pay-0"), REFUNDED),
)


@pytest.mark.parametrize("history", SETTLED)
def test_money_under_another_reference_is_recorded_and_goes_back(history: tuple[PaymentEvent, ...]) -> None:
    given(PAYMENT, *history).when(ProcessPayment("pay-2")).then(*surplus("pay-2"))


@pytest.mark.parametrize("history", SETTLED)
def test_money_is_recorded_once_for_each_reference(history: tuple[PaymentEvent, ...]) -> None:
    known = {each.reference for each in history if isinstance(each, PaymentProcessed | SurplusReceived)}
    for reference in known:
        given(PAYMENT, *history).when(ProcessPayment(reference)).then_nothing()
        given(PAYMENT, *history, *surplus("pay-2")).when(ProcessPayment(reference)).then_nothing()
    given(PAYMENT, *history, *surplus("pay-2")).when(ProcessPayment("pay-2")).then_nothing()


def test_a_surplus_leaves_alone_what_the_order_was_paid_with() -> None:
    given(PAYMENT, REQUESTED, PROCESSED, *surplus("pay-2")).when(REFUND).then(REFUNDED)
    given(PAYMENT, REQUESTED, PROCESSED, REFUNDED, *surplus("pay-2")).when(REFUND).then_nothing()
    given(PAYMENT, REQUESTED, PROCESSED, *surplus("pay-2")).when(EXPIRE).then_nothing()


@pytest.mark.parametrize("history", SETTLED)
def test_a_payment_that_arrived_cannot_be_declined_any_more(history: tuple[PaymentEvent, ...]) -> None:
    given(PAYMENT, *history).when(DECLINE).then_rejected(PaymentAlreadyProcessed)


def test_money_goes_back_once() -> None:
    given(PAYMENT, REQUESTED, PROCESSED).when(REFUND).then(REFUNDED)
    given(PAYMENT, REQUESTED, PROCESSED, REFUNDED).when(REFUND).then_nothing()


@pytest.mark.parametrize("history", [(REQUESTED,), (REQUESTED, DECLINED), (REQUESTED, EXPIRED)])
def test_nothing_goes_back_that_did_not_arrive(history: tuple[PaymentEvent, ...]) -> None:
    given(PAYMENT, *history).when(REFUND).then_rejected(NothingToRefund)
