"""kill -9 of everything, at a seeded moment under load: what was acknowledged, or traced as done, is there."""

import asyncio
import os
import random
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest

from composition.services import build
from composition.settings import Settings
from emulators.tests.functions.processes import running as service
from tests.e2e.judge import Judge
from tests.e2e.load import CUSTOMERS, SKUS, Acknowledged, Load
from tests.e2e.parts import BUS_KEY, COSMOS_KEY
from tests.e2e.stack import Client, client_of, eventually, running
from tests.e2e.stack import Stack as RunningStack
from tests.e2e.telemetry.claims import Claims
from tests.e2e.telemetry.received import SOON, Span, receiver

ROUNDS = 20 if os.environ.get("FULL_ROUNDS") else 3


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", range(ROUNDS))
async def test_every_acknowledged_command_survives(tmp_path: Path, seed: int) -> None:
    load = Load(seed, enough=random.Random(seed).randint(20, 200))
    with receiver() as received:
        stack = RunningStack.start(tmp_path, settings={"OTEL_EXPORTER_OTLP_ENDPOINT": received.url, **SOON})
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
    await no_span_claims_more_than_there_is(tmp_path, received.spans())
    with running(tmp_path) as restarted:
        async with client_of(restarted) as client:
            for command in load.acknowledged:
                await is_answered_again(client, command)
            await the_views_agree(client, load.acknowledged)


async def no_span_claims_more_than_there_is(data: Path, spans: Sequence[Span]) -> None:
    """Of what Cosmos DB has kept; nothing else runs, which could make it so."""
    with service("emulators.cosmos", "--port", "0", "--data", str(data / "cosmos")) as cosmos:
        known = {
            "COSMOS": f"AccountEndpoint={cosmos.url()}/;AccountKey={COSMOS_KEY};",
            "COSMOS_DATABASE": "orders",
            "SERVICEBUS": f"Endpoint=sb://localhost;SharedAccessKeyName=n;SharedAccessKey={BUS_KEY};",
        }
        async with build(Settings.from_mapping(known)) as services:
            assert [] == await Claims(Judge(services), spans).unfounded()


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
