"""Orders on their way, and a client that counts what it asks for."""

import asyncio
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from tests.e2e.parts import Parts
from tests.e2e.stack import Answered, Client, eventually


@dataclass(frozen=True)
class Shopper:
    """Buys units of one sku. `asked` counts requests by method and route, which are the names of their spans."""

    client: Client
    sku: str
    asked: Counter[str] = field(default_factory=Counter)

    async def post(self, route: str, body: Mapping[str, Any], key: str, order_id: str = "") -> Answered:
        self.asked[f"POST /api{route}"] += 1
        return await self.client.post(route.format(sku=self.sku, orderId=order_id), body, key)

    async def get(self, route: str, order_id: str, query: str = "") -> Answered:
        self.asked[f"GET /api{route}"] += 1
        return await self.client.get(route.format(orderId=order_id) + query)

    async def has_an_order_shipped(self, key: str) -> str:
        """From the receipt of its unit until its stock is dispatched; the id of the order."""
        assert 200 == (await self.post("/stock/{sku}/receipts", {"quantity": 1}, f"{key}-receipt")).status
        line = {"sku": self.sku, "quantity": 1, "unitPrice": {"amount": "1.00", "currency": "EUR"}}
        placed = await self.post("/orders", {"customerId": "ada", "lines": [line]}, key)
        order_id = str(placed.body["orderId"])

        async def paid() -> int:
            body = {"outcome": "processed", "reference": key}
            return (await self.post("/orders/{orderId}/payment", body, key, order_id)).status

        async def shipped() -> int:
            body = {"carrier": "post", "trackingNumber": key}
            return (await self.post("/orders/{orderId}/shipment", body, f"{key}-ship", order_id)).status

        async def dispatched() -> bool:
            story = await self.get("/orders/{orderId}/events", order_id, "?all=true")
            return "DispatchCompleted" in {each["type"] for each in story.body["events"]}

        await eventually(200, paid)
        await eventually(200, shipped)
        await eventually(True, dispatched)
        return order_id

    async def receives_at_both_hosts(self, receipts: int) -> None:
        """At once: the hosts take turns."""
        keys = [str(uuid.uuid4()) for _ in range(receipts)]
        await asyncio.gather(*(self.post("/stock/{sku}/receipts", {"quantity": 1}, key) for key in keys))

    async def a_minute_passes(self) -> None:
        """The timer runs, which sets the gauges."""
        url = self.client.api.removesuffix("/api") + "/admin/functions/every_minute"
        async with self.client.session.post(url, json={}) as answer:
            assert 202 == answer.status

    async def is_refused(self, order_id: str) -> None:
        """It is too late to cancel an order that was shipped."""
        answered = await self.post("/orders/{orderId}/cancellation", {"reason": "no"}, "too-late", order_id)
        assert 409 == answered.status


@asynccontextmanager
async def shopper(running: Parts, sku: str) -> AsyncIterator[Shopper]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
        yield Shopper(Client(session, running.api), sku)
