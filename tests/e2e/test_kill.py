"""kill -9 of everything, at a seeded moment under load: what was acknowledged is there after the restart."""

import asyncio
import os
import random
from functools import partial
from pathlib import Path

import pytest

from tests.e2e.load import CUSTOMERS, SKUS, Acknowledged, Load
from tests.e2e.stack import Client, client_of, eventually, running
from tests.e2e.stack import Stack as RunningStack

ROUNDS = 20 if os.environ.get("FULL_ROUNDS") else 3


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", range(ROUNDS))
async def test_every_acknowledged_command_survives(tmp_path: Path, seed: int) -> None:
    load = Load(seed, enough=random.Random(seed).randint(20, 200))
    stack = RunningStack.start(tmp_path)
    try:
        async with client_of(stack) as client:
            clients = asyncio.create_task(load.run(client))
            reached = asyncio.create_task(load.reached.wait())
            await asyncio.wait({clients, reached}, return_when=asyncio.FIRST_COMPLETED)
            assert load.reached.is_set(), "the service was gone before its time"
            stack.kill()
            await clients
    finally:
        stack.kill()
    with running(tmp_path) as restarted:
        async with client_of(restarted) as client:
            for command in load.acknowledged:
                await is_answered_again(client, command)
            await the_views_agree(client, load.acknowledged)


async def is_answered_again(client: Client, command: Acknowledged) -> None:
    """The same command gets its first answer: its events are there, and once."""
    again = await client.post(command.path, command.body, command.key)
    first = command.answered
    assert (first.status, first.body, first.etag) == (again.status, again.body, again.etag)


async def the_views_agree(client: Client, acknowledged: list[Acknowledged]) -> None:
    """Once the feed has caught up, every view is at the head of its stream."""
    for sku in SKUS:
        versions = [each.answered.body["version"] for each in acknowledged if each.path == f"/stock/{sku}/receipts"]
        if versions:
            await eventually(True, partial(_stock_has_reached, client, sku, max(versions)))
    cancelled = {each.answered.body["orderId"] for each in acknowledged if each.path.endswith("/cancellation")}
    for customer in CUSTOMERS:
        placed = {
            each.answered.body["orderId"]
            for each in acknowledged
            if each.path == "/orders" and each.body["customerId"] == customer
        }
        await eventually(True, partial(_history_shows, client, customer, placed, cancelled & placed))


async def _stock_has_reached(client: Client, sku: str, version: int) -> bool:
    level = await client.get(f"/stock/{sku}")
    return bool(level.status == 200 and level.body["version"] >= version)


async def _history_shows(client: Client, customer: str, placed: set[str], cancelled: set[str]) -> bool:
    orders: dict[str, str] = {}
    continuation = ""
    while True:
        page = (await client.get(f"/customers/{customer}/orders?limit=100{continuation}")).body
        orders |= {each["orderId"]: each["status"] for each in page["orders"]}
        if "continuation" not in page:
            break
        continuation = f"&continuation={page['continuation']}"
    return placed <= set(orders) and all("cancelled" == orders[order_id] for order_id in cancelled)
