"""docs/how-to/upgrade.md, walked: builds with each kind of change beside this one, forth and back, while orders flow.

Every command of the page is run as it stands there, in the build that the page means, and says what the page says.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from engine.clock import utc_now
from tests.e2e.builds import Apps, apps, build_with, verdict
from tests.e2e.drained import nothing_is_dead
from tests.e2e.insistent import InsistentClient, insistent_client
from tests.e2e.judge import judge_of
from tests.e2e.shop import STOCK, Fate, Shop
from tests.e2e.stack import ROOT, eventually
from tests.e2e.walk import Walk, blocks_of

pytestmark = pytest.mark.timeout(240)

PAGE: Final = ROOT / "docs" / "how-to" / "upgrade.md"
FATES: Final[Sequence[Fate]] = ("shipped", "paid", "shipped", "cancelled")
DAY_SECONDS: Final = 25 * 3600


@dataclass(frozen=True)
class Scene:
    """Orders flow through whichever builds run."""

    running: Apps
    client: InsistentClient

    async def start(self, name: str, build: Path = ROOT, **settings: str) -> None:
        await asyncio.to_thread(self.running.start, name, build, **settings)

    async def stop(self, name: str) -> None:
        await asyncio.to_thread(self.running.stop, name)

    async def walk(self, section: str, build: Path) -> None:
        """Every block of that section of the page."""
        walk = Walk({"project": build}, dict(self.running.backing.environment))
        blocks = [block for block in blocks_of(PAGE, "project") if block.section == section]
        assert blocks, section
        for block in blocks:
            await asyncio.to_thread(walk.take, block)

    async def split_the_feed(self) -> None:
        """Into four partitions, so that each of two hosts has leases."""
        for each in ("0", "1", "2"):
            where = {"database": "orders", "container": "events", "range": each}
            await asyncio.to_thread(self.running.backing.control, "cosmos", "split", where)

    async def order(self, key: str) -> str:
        body = {"customerId": "ada", "lines": [{"sku": "mug", "quantity": 1, "unitPrice": _PRICE}]}
        placed = await self.client.post("/orders", body, key)
        assert 201 == placed.status, placed
        return str(placed.body["orderId"])

    async def payments(self, order_ids: Collection[str]) -> set[str]:
        """What is known of the payments of these orders."""
        return {str((await self.client.get(f"/orders/{each}/payment")).status) for each in order_ids}

    async def lags_of_the_relay(self) -> set[int | None]:
        async with judge_of(self.running.backing) as judge:
            return {each.documents for each in await judge.services.lags.of(["relay"], utc_now())}

    async def waiting(self) -> set[tuple[str, str]]:
        """The reason for which streams, and sessions, of each consumer are parked."""
        async with judge_of(self.running.backing) as judge:
            services = judge.services
            streams = {
                (name, parked.why)
                for name in services.feed_consumers
                for parked in await services.parked_streams.all(name)
            }
            sessions = {
                (name, "newer" if parked.failure.newer is not None else "operator")
                for name in services.consumers
                for session_id in await services.parked.sessions(name)
                if (parked := await services.parked.session(name, session_id)) is not None
            }
        return streams | sessions


_PRICE: Final = {"amount": "1.00", "currency": "EUR"}


@asynccontextmanager
async def scene_in(folder: Path, *, deadline: str = "00:15:00") -> AsyncIterator[Scene]:
    with apps(folder, deadline=deadline) as running:
        async with insistent_client(running) as client:
            yield Scene(running, client)
        await nothing_is_dead(running.backing)


async def all_ended(scene: Scene, build: Path, shop: Shop) -> Mapping[str, Any]:
    """Every order ended, stock and views are right, and nothing is parked, as `build` sees it."""
    return await verdict(build, scene.running.backing.environment, shop.order_ids, STOCK)


async def while_shopping(shop: Shop, steps: Callable[[], Awaitable[None]]) -> None:
    """Returns once these steps are done, and what was ordered until then was answered."""
    async with asyncio.TaskGroup() as group:
        group.create_task(shop.run())
        await steps()
        shop.open = False


async def test_an_event_and_a_command_get_a_field(tmp_path: Path) -> None:
    """In one deployment: what the new build has said waits for it wherever the old one meets it, and nothing else."""
    new = build_with(tmp_path / "new", "boxes", "order-history-again")
    async with scene_in(tmp_path, deadline="00:00:10") as scene:
        await scene.start("old")
        await scene.split_the_feed()
        shop = Shop(scene.client, 1, 0, FATES, ships_later=True, at_once=4, open=True)

        async def upgrade() -> None:
            await shop.goes_on()
            await scene.start("new", new)
            await shop.goes_on()
            await scene.stop("old")
            scene.running.every_minute("new")
            await shop.goes_on()
            await scene.start("old")
            await shop.goes_on()
            while not await scene.waiting():
                await shop.goes_on()
            await scene.stop("new")

        await while_shopping(shop, upgrade)
        # Taken back: what says how many boxes waits, for the build that knows, and for nobody else.
        assert {"newer"} == {why for _, why in await scene.waiting()}
        await scene.start("new", new)
        await scene.stop("old")
        scene.running.every_minute("new")
        told = await all_ended(scene, new, shop)
        assert told["shipped"] > len(shop.order_ids) // 4
        for command in shop.accepted:
            outcome = await scene.client.get(f"/commands/{command}")
            assert outcome.body["status"] in ("done", "refused"), outcome
        await scene.walk("Is it done?", new)


async def test_a_new_event_and_a_new_command_in_two_deployments(tmp_path: Path) -> None:
    """First a build that knows them, then one that says them: nothing waits at any moment, on the way back neither."""
    knows = build_with(tmp_path / "knows", "closing-is-known")
    says = build_with(tmp_path / "says", "closing-is-known", "closing-is-said")
    async with scene_in(tmp_path, deadline="00:00:10") as scene:
        await scene.start("old")
        await scene.split_the_feed()
        shop = Shop(scene.client, 2, 0, FATES, at_once=4, open=True)

        async def upgrade() -> None:
            await shop.goes_on()
            await scene.start("knows", knows)
            await shop.goes_on()
            await scene.stop("old")
            await scene.start("says", says)
            await shop.goes_on()
            assert set() == await scene.waiting()
            await scene.stop("knows")
            await shop.goes_on()
            await scene.start("knows", knows)
            await shop.goes_on()
            await scene.stop("says")

        await while_shopping(shop, upgrade)
        assert set() == await scene.waiting()
        told = await all_ended(scene, knows, shop)
        assert 0 < told["OrderClosed"] <= told["OrderShipped"]
        await scene.walk("Is it done?", knows)


async def test_a_subscription_more_and_less(tmp_path: Path) -> None:
    """It is provisioned before the build that takes from it comes, and goes after it; without that build, it fills."""
    new = build_with(tmp_path / "new", "archive")
    async with scene_in(tmp_path) as scene:
        await scene.start("old")
        before = await scene.order("before")
        await eventually(True, lambda: cancelled(scene, before))
        await eventually({0}, scene.lags_of_the_relay)
        await asyncio.to_thread(scene.running.backing.provision, new)
        await scene.start("new", new)
        await scene.order("beside")

        async def archived() -> int:
            return len(set(re.findall(r"archived (\S+)", scene.running.output)))

        await eventually(1, archived)
        await scene.stop("new")
        await scene.order("back")

        async def left() -> int:
            entities = await asyncio.to_thread(scene.running.backing.control, "servicebus", "entities")
            return int(entities["events/Subscriptions/archive"]["active"])

        await eventually(1, left)
        await scene.start("new", new)
        await eventually(0, left)
        await eventually(2, archived)
        await scene.stop("new")
        await asyncio.to_thread(scene.running.backing.provision, ROOT)
        without = await scene.order("without")
        # No mug was ever received: the process of the order has heard of it, and has cancelled it.
        await eventually(True, lambda: cancelled(scene, without))


async def test_leases_get_another_prefix(tmp_path: Path) -> None:
    """A new prefix is a new consumer: it reads everything from the beginning, and the relay refuses what is old."""
    new = build_with(tmp_path / "new", "leases-of-the-feed")
    later = (utc_now() + timedelta(days=1)).isoformat()
    async with scene_in(tmp_path, deadline="00:00:10") as scene:
        # What follows was written yesterday.
        await asyncio.to_thread(scene.running.backing.control, "cosmos", "clock", {"advance": -DAY_SECONDS})
        await scene.start("old", RELAY_REPLAY_UNTIL=later)
        yesterday = await scene.order("yesterday")
        await eventually(True, lambda: cancelled(scene, yesterday))
        await eventually({0}, scene.lags_of_the_relay)
        await asyncio.to_thread(scene.running.backing.control, "cosmos", "clock", {"advance": DAY_SECONDS})
        await scene.stop("old")

        await scene.start("old")
        await scene.start("new", new)
        shop = Shop(scene.client, 4, 16, FATES, at_once=6)
        await shop.run()
        shop.order_ids.append(yesterday)
        await all_ended(scene, ROOT, shop)
        assert "the relay was given an event written at" in scene.running.said("new")
        await scene.stop("old")

        stuck = await scene.order("stuck")
        await scene.walk("See where a relay stands", new)
        assert {"404"} == await scene.payments([stuck])
        await scene.stop("new")
        await scene.start("new", new, RELAY_REPLAY_UNTIL=later)
        await eventually({"200"}, lambda: scene.payments([stuck]))
        await scene.walk("See that a consumer has come to the end", new)

        await scene.start("old")
        await scene.stop("new")
        after = await scene.order("after")
        await eventually({"200"}, lambda: scene.payments([after]))
        await scene.walk("Is it done?", ROOT)


@pytest.mark.long
@pytest.mark.timeout(400)
async def test_a_read_model_gets_a_generation_and_its_build_is_taken_back(tmp_path: Path) -> None:
    """The former build waits with that read model while a generation is written that it lacks, and goes on then."""
    new = build_with(tmp_path / "new", "order-history-again")
    async with scene_in(tmp_path, deadline="00:00:10") as scene:
        await scene.start("old")
        await scene.split_the_feed()
        shop = Shop(scene.client, 5, 0, FATES, at_once=4, open=True)

        async def upgrade() -> None:
            await shop.goes_on()
            await scene.start("new", new)
            await shop.goes_on()
            await scene.stop("old")
            await scene.walk("Fill a generation", new)

        await while_shopping(shop, upgrade)
        await scene.start("old")

        async def missed() -> bool:
            shop.order_ids.append(await scene.order(f"missed-{len(shop.order_ids)}"))
            return "order-history is kept at generation 2, which this build does not have" in scene.running.said("old")

        await eventually(True, missed)
        await scene.walk("Take a generation back", new)
        await scene.stop("new")
        await all_ended(scene, ROOT, shop)
        await scene.walk("Is it done?", ROOT)


async def cancelled(scene: Scene, order_id: str) -> bool:
    order = await scene.client.get(f"/orders/{order_id}")
    return bool(order.status == 200 and order.body["status"] == "cancelled")
