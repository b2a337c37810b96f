"""A command handler over a hostile store, with a clock that stands still and pauses that take no time."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count

import pytest

from domain.money import Money
from domain.order.aggregate import ORDER
from domain.order.commands import CancelOrder, ConfirmOrder, OrderCommand, PlaceOrder, ShipOrder
from domain.order.events import OrderLine
from domain.stock.aggregate import STOCK
from domain.stock.commands import ReceiveStock
from engine.commands.handler import CommandHandler, CommandResult
from engine.messaging.envelope import Origin
from engine.testing.specification import NOON
from engine.triggers.http_requests import CommandRequest
from tests.engine.commands.hostile_store import HostileStore
from tests.registered import CODEC

PLACE = PlaceOrder("o-1", "c-1", (OrderLine("mug", 1, Money(100, "EUR")),))
CANCEL = CancelOrder("changed my mind")
CONFIRM = ConfirmOrder()
SHIP = ShipOrder("DHL", "T-1")


@dataclass
class Desk:
    """Takes commands for the stream `order-o-1` (and for the stock of mugs), as one process would."""

    store: HostileStore
    now: datetime = NOON
    pauses: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        ids = count(1)

        async def pause(attempt: int) -> None:
            self.pauses.append(attempt)

        def clock() -> datetime:
            return self.now

        new_id: Callable[[], str] = lambda: f"{id(self)}-{next(ids)}"  # noqa: E731 - unique over desks
        self.handler = CommandHandler(self.store, self.store.snapshots, CODEC, clock, new_id, pause)

    async def order(
        self, command: OrderCommand, key: str, *, if_match: int | None = None, fingerprint: str = "f"
    ) -> CommandResult:
        return await self.handler.handle(ORDER, context(key, if_match, fingerprint).to("order-o-1", command))

    async def receive(self, quantity: int, key: str) -> CommandResult:
        return await self.handler.handle(STOCK, context(key).to("stock-mug", ReceiveStock("mug", quantity)))


def context(key: str, if_match: int | None = None, fingerprint: str = "f") -> CommandRequest[None]:
    return CommandRequest(None, key, fingerprint, Origin("anonymous", key, key, "trace"), if_match)


@pytest.fixture
def store() -> HostileStore:
    return HostileStore()


@pytest.fixture
def desk(store: HostileStore) -> Desk:
    return Desk(store)


@pytest.fixture
def other(store: HostileStore) -> Desk:
    """Another process over the same store: its cache knows nothing of the first one's writes."""
    return Desk(store)
