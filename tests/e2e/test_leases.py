"""Leases that are deleted, emptied, or left over from before a split: what the hosts do, and what is told of it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from azure.cosmos.aio import ContainerProxy

from composition.domain import READ_MODELS
from composition.services import build
from composition.settings import Settings
from engine.clock import utc_now
from engine.reacting.followers import followers
from engine.services import Services
from engine.storing.containers import LEASES
from engine.storing.cosmos_account import open_client
from operate import verify
from tests.e2e.parts import Parts, parts
from tests.e2e.stack import eventually

pytestmark = pytest.mark.timeout(180)

CONSUMERS = frozenset(followers(READ_MODELS))
FOLLOWED = {(name, "owned", 0) for name in CONSUMERS}


@dataclass(frozen=True)
class Scene:
    parts: Parts
    http: aiohttp.ClientSession
    services: Services
    container: ContainerProxy

    async def order(self, key: str) -> str:
        body = {
            "customerId": "ada",
            "lines": [{"sku": "mug", "quantity": 1, "unitPrice": {"amount": "1.00", "currency": "EUR"}}],
        }
        headers = {"Idempotency-Key": key}
        async with self.http.post(f"{self.parts.api}/orders", json=body, headers=headers) as answer:
            assert answer.status == 201
            return str((await answer.json())["orderId"])

    async def lags(self) -> set[tuple[str, str, int | None]]:
        found = await self.services.lags.of(CONSUMERS, utc_now())
        return {(each.consumer, each.state, each.documents) for each in found}

    async def leases(self) -> Sequence[dict[str, Any]]:
        return [item async for item in self.container.read_all_items()]

    async def delete(self, prefix: str = "", suffix: str = "") -> None:
        for item in await self.leases():
            if item["id"].startswith(prefix) and item["id"].endswith(suffix):
                await self.container.delete_item(item["id"], item["id"])

    async def in_history(self) -> set[str]:
        async with self.http.get(f"{self.parts.api}/customers/ada/orders") as answer:
            return {each["orderId"] for each in (await answer.json())["orders"]}

    def restart_hosts(self) -> None:
        self.parts.stop("functions")
        self.parts.start_again("functions")


@asynccontextmanager
async def scene_in(data: Path) -> AsyncIterator[Scene]:
    with parts(data, instances=1) as made:
        settings = Settings.from_mapping(made.environment)
        async with (
            build(settings) as services,
            open_client(settings.engine.cosmos) as client,
            aiohttp.ClientSession() as http,
        ):
            container = client.get_database_client("orders").get_container_client(LEASES.name)
            yield Scene(made, http, services, container)


async def test_a_lease_that_is_deleted_or_all_of_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with scene_in(tmp_path) as scene:
        orders = {await scene.order("k-1")}
        await eventually(FOLLOWED, scene.lags)

        # Nobody makes a deleted lease again, a new host neither: its consumer stands still, and the others go on.
        await scene.delete("order-details-", "..0")
        lost = (FOLLOWED - {("order-details", "owned", 0)}) | {("order-details", "missing", None)}
        await eventually(lost, scene.lags)
        orders.add(await scene.order("k-2"))
        await eventually(orders, scene.in_history)
        scene.restart_hosts()
        orders.add(await scene.order("k-3"))
        await eventually(orders, scene.in_history)
        await eventually(lost, scene.lags)
        async with scene.http.get(f"{scene.parts.api}/health/details") as answer:
            assert (200, "degraded") == (answer.status, (await answer.json())["status"])
        # What says that the leases were made is deleted too: the next host makes them, from the beginning.
        await scene.delete("order-details-", ".info")
        scene.restart_hosts()
        await eventually(FOLLOWED, scene.lags)

        # The same after all were deleted: views skip what they have seen, and whoever takes
        # messages of the relay what it has done.
        await scene.delete()
        await eventually({(name, "missing", None) for name in CONSUMERS}, scene.lags)
        scene.restart_hosts()
        await eventually(FOLLOWED, scene.lags)
        assert orders == await scene.in_history()
        await verify.run(scene.parts.environment, None, None, timedelta(days=14), as_json=True)
        assert "" == capsys.readouterr().out


async def test_a_split_whose_old_leases_cannot_be_deleted(tmp_path: Path) -> None:
    async with scene_in(tmp_path) as scene:
        orders = {await scene.order("k-0")}
        await eventually(FOLLOWED, scene.lags)
        fault = {"kinds": ["delete"], "container": LEASES.name, "status": 503, "times": None}
        scene.parts.control("cosmos", "faults", fault)
        scene.parts.control("cosmos", "split", {"database": "orders", "container": "events"})
        for number in range(1, 8):
            orders.add(await scene.order(f"k-{number}"))
        await eventually(orders, scene.in_history)
        await eventually(FOLLOWED, scene.lags)
        found = await scene.services.lags.of(CONSUMERS, utc_now())
        assert dict.fromkeys(CONSUMERS, 2) == {name: sum(each.consumer == name for each in found) for name in CONSUMERS}
        # The old ones are still there, and count for nothing.
        left = {item["id"].partition("-localhost")[0] for item in await scene.leases() if item["id"].endswith("..0")}
        assert CONSUMERS == left
