"""The functions of HTTP over the store and the views in memory."""

from collections.abc import Mapping
from datetime import datetime
from itertools import count
from typing import Any

import pytest

from composition.domain import READ_MODELS
from domain.registry import AGGREGATES
from engine.assembly import Adapters, Domain, Surroundings, assemble
from engine.clock import utc_now
from engine.commands.outcomes.memory import MemoryOutcomeStore
from engine.consuming.feed.memory import MemoryEventFeed
from engine.consuming.parked.memory import MemoryParkedStore
from engine.consuming.parked_streams.memory import MemoryParkedStreams
from engine.messaging.memory import MemoryBus
from engine.projecting.counting.memory import MemoryRollupStore
from engine.projecting.generations.memory import MemoryGenerationStore
from engine.projecting.memory import MemoryViewStore
from engine.services import Services
from engine.settings import OperatorsSignIn
from engine.storing.memory import MemoryEventStore, MemorySnapshotStore
from tests.rest import Answered, functions, send

ORDER = {
    "customerId": "c-1",
    "lines": [{"sku": "mug", "quantity": 2, "unitPrice": {"amount": "12.50", "currency": "EUR"}}],
}


class Api:
    """One process of the service; `feed()` brings its views up to date."""

    def __init__(self, *, trust_easyauth: bool = False, sign_in: OperatorsSignIn = "key") -> None:
        self.store = MemoryEventStore()
        self.now: datetime | None = None
        """Is the time of the service, if it is not the real one."""
        self.views = MemoryViewStore()
        self.outcomes = MemoryOutcomeStore()
        self.bus = MemoryBus()
        ids = count(1)

        async def no_pause(_: float) -> None:
            return None

        assembled = assemble(
            Domain(AGGREGATES),
            Adapters(
                self.store,
                MemoryEventFeed(self.store),
                MemorySnapshotStore(),
                self.views,
                MemoryRollupStore(),
                MemoryGenerationStore(),
                self.outcomes,
                MemoryParkedStore(),
                MemoryParkedStreams(),
                self.bus,
                self.bus,
            ),
            surroundings=Surroundings(clock=self.clock, new_id=lambda: f"event-{next(ids)}", sleep=no_pause),
        )
        self.commands = assembled.commands
        self.asynchronous = assembled.asynchronous
        self.queries = assembled.queries
        self.feeding = assembled.feeding

        async def services() -> Services:
            return assembled

        self.functions = functions(services, trust_easyauth=trust_easyauth, sign_in=sign_in)

    def clock(self) -> datetime:
        return self.now or utc_now()

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
        for each in READ_MODELS:
            await self.feeding.run(each, self.store.commits().items)


@pytest.fixture
def api() -> Api:
    return Api()
