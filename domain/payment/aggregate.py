"""The payment of an order as an aggregate: its streams are `payment-<orderId>`."""

from typing import Final

from domain.payment.commands import VOCABULARY, PaymentCommand
from domain.payment.decisions import decide
from domain.payment.events import PaymentEvent
from domain.payment.state import INITIAL, PaymentState, evolve
from engine.deciding.aggregate import Aggregate
from engine.deciding.decider import Decider

PAYMENT: Final[Aggregate[PaymentCommand, PaymentEvent, PaymentState]] = Aggregate(
    "payment", Decider(INITIAL, decide, evolve), events=PaymentEvent, commands=PaymentCommand, vocabulary=VOCABULARY
)
