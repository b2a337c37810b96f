"""demo: one order through the running service, each step with its events and its views."""

import asyncio
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import aiohttp

from operate.failure import CommandFailed

_PATIENCE_SECONDS: Final = 20
_VIEW_POLL_SECONDS: Final = 0.1


def default_url(environment: Mapping[str, str]) -> str:
    port = environment.get("DEVSTACK_FUNCTIONS_PORT", "7071")
    return f"http://localhost:{port}/api"


async def run(url: str) -> None:
    """Raises CommandFailed when the service is away or answers otherwise than it should."""
    try:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
            await _walk(_Client(session, url))
    except aiohttp.ClientConnectionError as error:
        raise CommandFailed(f"nothing answers at {url}: start the service with `make run`") from error


@dataclass(frozen=True, slots=True)
class _Client:
    session: aiohttp.ClientSession
    url: str

    async def post(self, path: str, body: Mapping[str, Any]) -> Any:
        headers = {"Idempotency-Key": secrets.token_hex(8)}
        return await self._exchange("POST", path, json=body, headers=headers)

    async def get(self, path: str) -> Any:
        return await self._exchange("GET", path)

    async def _exchange(self, method: str, path: str, **kwargs: Any) -> Any:
        async with self.session.request(method, f"{self.url}{path}", **kwargs) as response:
            text = await response.text()
            if not response.ok:
                raise CommandFailed(f"{method} {path} was answered {response.status}: {text}")
            return json.loads(text)


async def _walk(client: _Client) -> None:
    suffix = secrets.token_hex(3)
    sku, customer = f"mug-{suffix}", f"customer-{suffix}"

    _say("1. Ten mugs arrive", f"POST /stock/{sku}/receipts")
    receipt = await client.post(f"/stock/{sku}/receipts", {"quantity": 10})
    _show("answer", receipt)
    await _show_events(client, f"/stock/{sku}/events?minVersion={receipt['version']}")
    _show("view stock-levels", await client.get(f"/stock/{sku}?minVersion={receipt['version']}"))

    _say("2. A customer orders two of them", "POST /orders")
    line = {"sku": sku, "quantity": 2, "unitPrice": {"amount": "12.50", "currency": "EUR"}}
    placed = await client.post("/orders", {"customerId": customer, "lines": [line]})
    _show("answer", placed)
    await _show_order(client, placed, customer)

    _say("3. The customer changes their mind", f"POST /orders/{placed['orderId']}/cancellation")
    cancelled = await client.post(f"/orders/{placed['orderId']}/cancellation", {"reason": "changed my mind"})
    _show("answer", cancelled)
    await _show_order(client, cancelled, customer)


async def _show_order(client: _Client, answer: Mapping[str, Any], customer: str) -> None:
    order_id = answer["orderId"]
    await _show_events(client, f"/orders/{order_id}/events?minVersion={answer['version']}")
    _show("view order-details", await client.get(f"/orders/{order_id}?minVersion={answer['version']}"))
    _show("view order-history", await _history(client, customer, answer["status"]))


async def _show_events(client: _Client, path: str) -> None:
    for event in (await client.get(path))["events"]:
        _show(f"event {event['version']} {event['type']} at {event['occurredAt']}", event["data"])


async def _history(client: _Client, customer: str, status: str) -> Any:
    """The history comes from its view alone: the change feed brings it up to date in a moment."""
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while True:
            history = await client.get(f"/customers/{customer}/orders")
            if [order["status"] for order in history["orders"]] == [status]:
                return history
            await asyncio.sleep(_VIEW_POLL_SECONDS)


def _say(title: str, request: str) -> None:
    bold, plain = ("\033[1m", "\033[0m") if os.isatty(1) else ("", "")
    print(f"\n{bold}{title}{plain}  ({request})")


def _show(name: str, value: Any) -> None:
    print(f"   {name}: {json.dumps(value, ensure_ascii=False)}", flush=True)
