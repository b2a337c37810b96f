"""Clients of the REST interface, several at once, as long as a measurement lasts."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from bench.material import CUSTOMER, new_id


@dataclass(slots=True)
class Outcome:
    """Seconds of each acknowledged command, how many were turned away, and how long all of it took."""

    seconds: list[float] = field(default_factory=list)
    turned_away: int = 0
    lasted: float = 0.0

    @property
    def per_second(self) -> float:
        return len(self.seconds) / self.lasted


@dataclass(frozen=True, slots=True)
class Api:
    """Spreads requests over the hosts: client n speaks to host n, without the front in between."""

    session: aiohttp.ClientSession
    hosts: Sequence[str]

    async def place_order(
        self, client: int, sku: str = "mug", quantity: int = 2, currency: str = "EUR"
    ) -> tuple[int, str]:
        """The status, and the id of the order if it was placed."""
        line = {"sku": sku, "quantity": quantity, "unitPrice": {"amount": "12.50", "currency": currency}}
        status, answer = await self._post(client, "/orders", {"customerId": CUSTOMER, "lines": [line]})
        return status, answer.get("orderId", "")

    async def receive_stock(self, client: int, sku: str, quantity: int = 1) -> int:
        status, _ = await self._post(client, f"/stock/{sku}/receipts", {"quantity": quantity})
        return status

    async def pay(self, order_id: str) -> None:
        """Reports the payment as the provider would."""
        await self._post(0, f"/orders/{order_id}/payment", {"outcome": "processed", "reference": order_id})

    async def ship(self, order_id: str) -> None:
        await self._post(0, f"/orders/{order_id}/shipment", {"carrier": "post", "trackingNumber": order_id})

    async def _post(self, client: int, path: str, body: Mapping[str, Any]) -> tuple[int, Any]:
        url = f"{self.hosts[client % len(self.hosts)]}/api{path}"
        headers = {"Idempotency-Key": new_id(), "Content-Type": "application/json"}
        async with self.session.post(url, data=json.dumps(body), headers=headers) as response:
            text = await response.text()
            return response.status, json.loads(text) if text.startswith("{") else {}


@asynccontextmanager
async def api_of(front: str) -> AsyncIterator[Api]:
    """`front` is the URL of the hosts' common port, which knows where each of them listens."""
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30), connector=connector) as session:
        async with session.get(f"{front}/admin/host/status") as response:
            status = await response.json()
        yield Api(session, [host["url"] for host in status["hosts"]])


async def load(clients: int, seconds: float, command: Callable[[int], Awaitable[int]]) -> Outcome:
    """Each client sends its next command when the last one was answered. Raises AssertionError for a wrong answer."""
    outcome = Outcome()
    begun = time.perf_counter()

    async def client(number: int) -> None:
        while (since := time.perf_counter()) < begun + seconds:
            status = await command(number)
            if status == 503:
                outcome.turned_away += 1
                continue
            if status not in (200, 201):
                raise AssertionError(f"a command was answered {status}")
            outcome.seconds.append(time.perf_counter() - since)

    await asyncio.gather(*(client(number) for number in range(clients)))
    outcome.lasted = time.perf_counter() - begun
    return outcome
