"""Clients that place, cancel and receive, and remember what they were answered."""

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from tests.e2e.stack import Answered, Client

CUSTOMERS = ("ada", "bob", "cy")
SKUS = ("mug", "cup")


@dataclass(frozen=True)
class Acknowledged:
    """A command, and the 2xx that it was answered."""

    path: str
    body: Mapping[str, Any]
    key: str
    answered: Answered


@dataclass
class Load:
    """Several clients at once, until `enough` commands were acknowledged or the service is gone."""

    seed: int
    enough: int
    acknowledged: list[Acknowledged] = field(default_factory=list)
    reached: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, client: Client, clients: int = 8) -> None:
        await asyncio.gather(*(self._client(client, random.Random(f"{self.seed}/{n}"), n) for n in range(clients)))

    async def _client(self, client: Client, chance: random.Random, number: int) -> None:
        orders: list[str] = []
        step = 0
        while True:
            step += 1
            path, body = self._command(chance, orders)
            key = f"{self.seed}-{number}-{step}"
            try:
                answered = await client.post(path, body, key)
            except (aiohttp.ClientError, TimeoutError):
                return
            assert answered.status < 500 or answered.status == 503, answered
            if answered.status >= 300:
                continue
            self.acknowledged.append(Acknowledged(path, body, key, answered))
            if path == "/orders":
                orders.append(answered.body["orderId"])
            if len(self.acknowledged) >= self.enough:
                self.reached.set()

    @staticmethod
    def _command(chance: random.Random, orders: list[str]) -> tuple[str, dict[str, Any]]:
        kind = chance.random()
        if kind < 0.3:
            return f"/stock/{chance.choice(SKUS)}/receipts", {"quantity": chance.randint(1, 9)}
        if kind < 0.6 and orders:
            return f"/orders/{chance.choice(orders)}/cancellation", {"reason": f"reason {chance.random()}"}
        line = {"sku": "mug", "quantity": chance.randint(1, 9), "unitPrice": {"amount": "1.00", "currency": "EUR"}}
        return "/orders", {"customerId": chance.choice(CUSTOMERS), "lines": [line]}
