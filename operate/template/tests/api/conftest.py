"""The functions of HTTP over stores in memory, without a host between."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import azure.functions as func
import pytest

from api.interface import Interface, interface
from composition.domain import READ_MODELS
from domain.registry import AGGREGATES, processes
from engine.assembly import Adapters, Domain, assemble
from engine.commands.outcomes.memory import MemoryOutcomeStore
from engine.consuming.feed.memory import MemoryEventFeed
from engine.consuming.parked.memory import MemoryParkedStore
from engine.consuming.parked_streams.memory import MemoryParkedStreams
from engine.messaging.memory import MemoryBus
from engine.projecting.counting.memory import MemoryRollupStore
from engine.projecting.generations.memory import MemoryGenerationStore
from engine.projecting.memory import MemoryViewStore
from engine.services import Services
from engine.storing.memory import MemoryEventStore, MemorySnapshotStore

Function = Callable[[func.HttpRequest], Awaitable[func.HttpResponse]]


@dataclass
class Api:
    """One process of the service; `feed` brings its views up to date."""

    functions: Interface
    services: Services
    store: MemoryEventStore

    async def post(self, function: Function, body: Any, *, key: str | None = None, **route: str) -> tuple[int, Any]:
        headers = {} if key is None else {"Idempotency-Key": key}
        return await self._send(function, func.HttpRequest(
            "POST", "http://localhost/api", headers=headers, route_params=route, body=json.dumps(body).encode()
        ))  # fmt: skip

    async def get(self, function: Function, **route: str) -> tuple[int, Any]:
        return await self._send(function, func.HttpRequest("GET", "http://localhost/api", route_params=route, body=b""))

    async def feed(self) -> None:
        for each in READ_MODELS:
            await self.services.feeding.run(each, self.store.commits().items)

    async def _send(self, function: Function, request: func.HttpRequest) -> tuple[int, Any]:
        response = await function(request)
        return response.status_code, json.loads(response.get_body())


@pytest.fixture
def api() -> Api:
    store, bus = MemoryEventStore(), MemoryBus()
    adapters = Adapters(
        store=store,
        feed=MemoryEventFeed(store),
        snapshots=MemorySnapshotStore(),
        views=MemoryViewStore(),
        rollups=MemoryRollupStore(),
        generations=MemoryGenerationStore(),
        outcomes=MemoryOutcomeStore(),
        parked=MemoryParkedStore(),
        parked_streams=MemoryParkedStreams(),
        bus=bus,
        dead_letters=bus,
    )
    assembled = assemble(Domain(AGGREGATES, processes()), adapters)

    async def services() -> Services:
        return assembled

    return Api(interface(services, READ_MODELS, trust_easyauth=False), assembled, store)
