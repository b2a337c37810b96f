"""The service over memory, with its real process: time stands still until a test moves it, ids count up."""

import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import count
from typing import Any, Final

import azure.functions as func

from composition.domain import PROJECTIONS, READ_MODELS
from domain.registry import AGGREGATES, processes
from engine.assembly import Adapters, Domain, Surroundings, assemble
from engine.commands.outcomes.memory import MemoryOutcomeStore
from engine.consuming.feed.memory import MemoryEventFeed
from engine.consuming.parked.memory import MemoryParkedStore
from engine.consuming.parked_streams.memory import MemoryParkedStreams
from engine.consuming.redrive import Redrive
from engine.consuming.retry_policy import RetryPolicy
from engine.messaging.memory import MemoryBus
from engine.messaging.port import Received
from engine.messaging.topology import COMMAND_QUEUE, REACTION_QUEUE
from engine.projecting.counting.memory import MemoryRollupStore
from engine.projecting.generations.memory import MemoryGenerationStore
from engine.projecting.memory import MemoryViewStore
from engine.services import Services
from engine.storing.memory import MemoryEventStore, MemorySnapshotStore
from tests import described
from tests.outside.values import SOON, TRACE
from tests.rest import FUNCTIONS, functions

PAYMENT_DEADLINE: Final = 900
_STEP: Final = timedelta(milliseconds=1250)


class World:
    """A message waits until it is due."""

    def __init__(self, *, trust_easyauth: bool = False) -> None:
        self.now = SOON
        self.store, self.views, self.bus = MemoryEventStore(), MemoryViewStore(), MemoryBus()
        self._waiting: list[tuple[str, Received]] = []
        self._relayed = 0
        ids = count(1)

        async def no_pause(_: float) -> None:
            return None

        assembled = assemble(
            Domain(AGGREGATES, processes(PAYMENT_DEADLINE), PROJECTIONS),
            Adapters(
                self.store,
                MemoryEventFeed(self.store),
                MemorySnapshotStore(),
                self.views,
                MemoryRollupStore(),
                MemoryGenerationStore(),
                MemoryOutcomeStore(),
                MemoryParkedStore(),
                MemoryParkedStreams(),
                self.bus,
                self.bus,
            ),
            surroundings=Surroundings(self.clock, lambda: str(uuid.UUID(int=next(ids))), no_pause),
        )
        self.services = assembled
        self.commands = assembled.commands
        self._feeding, self._relay = assembled.feeding, assembled.relay
        self._consumers, self._messages = assembled.consumers, assembled.messages

        async def services() -> Services:
            return assembled

        self.functions = functions(services, trust_easyauth=trust_easyauth)

    def clock(self) -> datetime:
        return self.now

    async def ask(
        self,
        function: str,
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        **route: str,
    ) -> func.HttpResponse:
        """The answer of a function of HTTP. `body` is sent as JSON, or as it is when it is bytes."""
        request = func.HttpRequest(
            "POST" if body is not None else "GET",
            "http://localhost/api",
            headers={"traceparent": TRACE, **(headers or {})},
            params=dict(params or {}),
            route_params=route,
            body=body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode(),
        )
        response: func.HttpResponse = await FUNCTIONS[function](self.functions)(request)
        described.check(function, response)
        return response

    async def settle(self, *entities: str) -> None:
        """Feeds, relays and delivers, from these entities or from all, until nothing moves."""
        while items := await self._feed():
            for each in READ_MODELS:
                await self._feeding.run(each, items)
            await self._relay.run(items)
            await self.deliver(*entities)

    async def deliver(self, *entities: str) -> None:
        for entity in entities or (COMMAND_QUEUE, REACTION_QUEUE):
            for message in self.bus.deliver(entity):
                await self._hand_over(entity, message)
        self.now += _STEP

    async def redrive(self, entity: str) -> None:
        """Sends the dead letters of a queue again."""

        async def no_pause(_: float) -> None:
            return None

        redrive = Redrive(self.bus, self.bus, self._messages, RetryPolicy(self.clock, no_pause))
        await redrive.to_queue(entity, 100, lambda _: None)

    async def wait(self, time: timedelta) -> None:
        """Then what has become due is delivered, and all that follows from it."""
        self.now += time
        waiting, self._waiting = self._waiting, []
        for entity, message in waiting:
            await self._hand_over(entity, message)
        await self.settle()

    async def _hand_over(self, entity: str, message: Received) -> None:
        due = self.bus.sent[entity][message.sequence_number - 1].due
        if due is not None and due > self.now:
            self._waiting.append((entity, message))
        else:
            await self._consumers[entity].handle(message)

    async def _feed(self) -> Sequence[Mapping[str, Any]]:
        commits = self.store.commits(self._relayed)
        self._relayed = commits.position
        return [{**item, "_ts": int(self.now.timestamp())} for item in commits.items]
