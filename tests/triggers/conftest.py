"""The functions of HTTP over the store and the views in memory."""

from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest

from application.commands import CommandHandler
from application.queries import Queries
from composition.services import CODEC, ENVELOPES
from consumers.asynchronous import AsynchronousCommands
from consumers.batch import BatchRunner
from consumers.outcomes.memory import MemoryOutcomeStore
from eventstore.memory import MemoryEventStore, MemorySnapshotStore
from messaging.memory import MemoryBus
from projections.memory import MemoryViewStore
from projections.views.catalogue import PROJECTIONS
from tests.rest import Answered, send
from triggers.http import HttpFunctions

ORDER = {
    "customerId": "c-1",
    "lines": [{"sku": "mug", "quantity": 2, "unitPrice": {"amount": "12.50", "currency": "EUR"}}],
}


class Api:
    """One process of the service; `feed()` brings its views up to date."""

    def __init__(self, *, trust_easyauth: bool = False) -> None:
        self.store = MemoryEventStore()
        self.views = MemoryViewStore()
        ids = count(1)

        async def no_pause(_: int) -> None:
            return None

        self.commands = CommandHandler(
            self.store, MemorySnapshotStore(), CODEC, lambda: datetime.now(UTC), lambda: f"event-{next(ids)}", no_pause
        )
        self.outcomes = MemoryOutcomeStore()
        self.bus = MemoryBus()
        self.asynchronous = AsynchronousCommands(self.outcomes, self.bus, ENVELOPES)
        self.queries = Queries(self.store, CODEC, self.views)

        async def services() -> Api:
            return self

        self.functions = HttpFunctions(services, trust_easyauth)

    async def send(
        self,
        function: str,
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        **route: str,
    ) -> Answered:
        return await send(self.functions, function, body, headers=headers, params=params, **route)

    async def place(self, key: str = "k-1", body: Any = None) -> Answered:
        return await self.send("place_order", body or ORDER, headers={"Idempotency-Key": key})

    async def feed(self) -> None:
        runner = BatchRunner(self.store, CODEC, self.views)
        for projection in PROJECTIONS:
            await runner.run(projection, self.store.commits().items)


@pytest.fixture
def api() -> Api:
    return Api()
