"""The order as an aggregate: its streams are `order-<orderId>`."""

from typing import Final

from domain.order.commands import VOCABULARY, OrderCommand
from domain.order.decisions import decide
from domain.order.events import OrderEvent
from domain.order.state import INITIAL, OrderState, evolve
from engine.deciding.aggregate import Aggregate
from engine.deciding.decider import Decider

ORDER: Final[Aggregate[OrderCommand, OrderEvent, OrderState]] = Aggregate(
    "order", Decider(INITIAL, decide, evolve), events=OrderEvent, commands=OrderCommand, vocabulary=VOCABULARY
)
