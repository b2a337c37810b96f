"""The service over memory, with its real process: time stands still until a test moves it, ids count up."""

import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import count
from typing import Any, Final

import azure.functions as func

from application.commands import CommandHandler
from application.queries import Queries
from composition.services import CODEC, ENVELOPES
from consumers.asynchronous import AsynchronousCommands
from consumers.batch import BatchRunner
from consumers.commands import CommandConsumer
from consumers.outcomes.memory import MemoryOutcomeStore
from consumers.reactions import ReactionConsumer
from consumers.relay import Relay
from domain.processes import processes
from eventstore.memory import MemoryEventStore, MemorySnapshotStore
from messaging.memory import MemoryBus
from messaging.port import COMMANDS, REACTIONS, Received
from projections.memory import MemoryViewStore
from projections.views.catalogue import PROJECTIONS
from tests.outside.values import SOON, TRACE
from triggers.http import HttpFunctions

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

        async def no_pause(_: int) -> None:
            return None

        self.commands = CommandHandler(
            self.store, MemorySnapshotStore(), CODEC, self.clock, lambda: str(uuid.UUID(int=next(ids))), no_pause
        )
        outcomes, reacting = MemoryOutcomeStore(), processes(PAYMENT_DEADLINE)
        self.asynchronous = AsynchronousCommands(outcomes, self.bus, ENVELOPES)
        self.queries = Queries(self.store, CODEC, self.views)
        self._runner = BatchRunner(self.store, CODEC, self.views)
        self._relay = Relay(self.store, CODEC, ENVELOPES, reacting, self.bus, self.clock)
        self._consumers = {
            COMMANDS: CommandConsumer(self.commands, outcomes, ENVELOPES).consumer,
            REACTIONS: ReactionConsumer(self.commands, CODEC, ENVELOPES, reacting).consumer,
        }

        async def services() -> World:
            return self

        self._functions = HttpFunctions(services, trust_easyauth)

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
        response: func.HttpResponse = await getattr(self._functions, function)(request)
        return response

    async def settle(self, *entities: str) -> None:
        """Feeds, relays and delivers, from these entities or from all, until nothing moves."""
        while items := await self._feed():
            for projection in PROJECTIONS:
                await self._runner.run(projection, items)
            await self._relay.run(items)
            await self.deliver(*entities)

    async def deliver(self, *entities: str) -> None:
        for entity in entities or (COMMANDS, REACTIONS):
            for message in self.bus.deliver(entity):
                await self._hand_over(entity, message)
        self.now += _STEP

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
