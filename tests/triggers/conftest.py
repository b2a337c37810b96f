"""The functions of HTTP over the store and the views in memory."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import Any

import azure.functions as func
import pytest

from application.commands import CommandHandler
from application.queries import Queries
from composition.services import CODEC
from consumers.batch import BatchRunner
from eventstore.memory import MemoryEventStore, MemorySnapshotStore
from projections.memory import MemoryViewStore
from projections.views.catalogue import PROJECTIONS
from triggers.http import HttpFunctions

ORDER = {
    "customerId": "c-1",
    "lines": [{"sku": "mug", "quantity": 2, "unitPrice": {"amount": "12.50", "currency": "EUR"}}],
}


@dataclass
class Answered:
    status: int
    headers: Mapping[str, str]
    body: Any


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
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        request = func.HttpRequest(
            "GET" if function.startswith("get") else "POST",
            "http://localhost/api",
            headers=dict(headers or {}),
            params=dict(params or {}),
            route_params=route,
            body=raw,
        )
        response: func.HttpResponse = await getattr(self.functions, function)(request)
        text = response.get_body()
        return Answered(response.status_code, response.headers, json.loads(text) if text else None)

    async def place(self, key: str = "k-1", body: Any = None) -> Answered:
        return await self.send("place_order", body or ORDER, headers={"Idempotency-Key": key})

    async def feed(self) -> None:
        runner = BatchRunner(self.store, CODEC, self.views)
        for projection in PROJECTIONS:
            await runner.run(projection, self.store.commits().items)


@pytest.fixture
def api() -> Api:
    return Api()
