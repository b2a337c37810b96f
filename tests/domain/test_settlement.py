"""A process waits for facts, never for answers: whatever its target has been through, each command finds its fact.

A fact settles a request if it follows from the command or is in the stream already, and if it reaches the process.
"""

from dataclasses import dataclass
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.fulfilment.commands import AbandonFulfilment
from domain.fulfilment.events import Request
from domain.fulfilment.reactions import fulfilment
from domain.money import Money
from domain.order.aggregate import ORDER
from domain.order.commands import CancelOrder, ConfirmOrder, PlaceOrder
from domain.order.events import OrderCancelled, OrderConfirmed, OrderLine, OrderShipped
from domain.payment.aggregate import PAYMENT
from domain.payment.commands import ExpirePayment, ProcessPayment, RefundPayment, RequestPayment
from domain.payment.events import PaymentDeclined, PaymentExpired, PaymentProcessed, PaymentRefunded
from domain.stock.aggregate import STOCK
from domain.stock.commands import DispatchStock, ReceiveStock, ReleaseStock, ReserveStock
from domain.stock.events import StockDispatched, StockReleased, StockReservationRefused, StockReserved
from engine.deciding.aggregate import Aggregate
from tests.domain.histories import COMMANDS
from tests.engine.histories import history_of

PROCESS = fulfilment(payment_deadline_seconds=900)
AMOUNT = Money(100, "EUR")
PLACE = PlaceOrder("o-1", "c-1", (OrderLine("mug", 1, AMOUNT),))
REQUEST = RequestPayment("o-1", AMOUNT)
EXPIRE = ExpirePayment("o-1", AMOUNT)


@dataclass(frozen=True)
class Settlement:
    """`after` is what the process has seen happen before it issues the `commands`; one of the `facts` settles them."""

    target: Aggregate[Any, Any, Any]
    after: tuple[object, ...]
    commands: tuple[object, ...]
    facts: tuple[type, ...]

    def __str__(self) -> str:
        return " and ".join(type(each).__name__ for each in self.commands)


PAYMENT_FACTS = (PaymentProcessed, PaymentDeclined, PaymentExpired)
GRANT = (ReceiveStock("mug", 5), ReserveStock("mug", "o-1", 2))
SETTLEMENTS = (
    Settlement(STOCK, (), (ReserveStock("mug", "o-1", 2),), (StockReserved, StockReservationRefused)),
    Settlement(STOCK, GRANT, (ReleaseStock("mug", "o-1"),), (StockReleased, StockDispatched)),
    Settlement(STOCK, GRANT, (DispatchStock("mug", "o-1"),), (StockDispatched, StockReleased)),
    Settlement(PAYMENT, (), (REQUEST, EXPIRE), PAYMENT_FACTS),
    Settlement(PAYMENT, (), (EXPIRE, REQUEST), PAYMENT_FACTS),
    Settlement(PAYMENT, (REQUEST, ProcessPayment("pay-1")), (RefundPayment(),), (PaymentRefunded,)),
    Settlement(ORDER, (PLACE,), (ConfirmOrder(),), (OrderConfirmed, OrderCancelled)),
    Settlement(ORDER, (PLACE,), (CancelOrder("why not"),), (OrderCancelled, OrderShipped)),
)


@pytest.mark.parametrize("settlement", SETTLEMENTS, ids=str)
@given(data=st.data())
def test_a_fact_settles_every_command(settlement: Settlement, data: st.DataObject) -> None:
    anything = st.lists(COMMANDS[settlement.target.category], max_size=8)
    before = data.draw(anything) if settlement.target is STOCK else []
    history = history_of(settlement.target, [*before, *settlement.after, *data.draw(anything)])
    for command in settlement.commands:
        history = history_of(settlement.target, [command, *data.draw(anything)], history)
    about_us = [each for each in history if getattr(each, "order_id", None) == "o-1"]
    assert any(isinstance(each, settlement.facts) for each in about_us), about_us


def test_every_command_of_the_process_has_its_settlement_and_every_fact_reaches_the_process() -> None:
    settled = {type(command) for settlement in SETTLEMENTS for command in settlement.commands}
    assert settled == set(get_args(Request)) - {AbandonFulfilment}
    assert {fact for settlement in SETTLEMENTS for fact in settlement.facts} <= set(get_args(PROCESS.inputs))
