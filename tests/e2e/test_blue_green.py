"""docs/how-to/blue-green.md, walked: two apps over one store and one bus, and traffic that moves between them."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from composition.domain import READ_MODELS
from engine.clock import utc_now
from engine.reacting.followers import followers
from tests.e2e.builds import apps, build_with, verdict
from tests.e2e.drained import nothing_is_dead
from tests.e2e.insistent import insistent_client
from tests.e2e.judge import judge_of
from tests.e2e.parts import Parts
from tests.e2e.shop import STOCK, Shop
from tests.e2e.stack import ROOT, eventually
from tests.e2e.walk import Walk, blocks_of

PAGE: Final = ROOT / "docs" / "how-to" / "blue-green.md"
BEHIND: Final = ("takes lease", "relay_events ok", "handle_command ok", "react ok", "notify ok", "every_minute ok")
"""What a host says of functions that no customer waits for."""


@pytest.mark.timeout(240)
async def test_green_takes_over_and_gives_back(tmp_path: Path) -> None:
    build = build_with(tmp_path / "build", "closing-is-known")
    with apps(tmp_path, deadline="00:00:10") as running:
        backing = running.backing
        idle = settings_of_an_idle_app(backing)

        async def start(name: str, settings: Mapping[str, str]) -> None:
            builds = {"blue": ROOT, "green": build}
            await asyncio.to_thread(running.start, name, builds[name], storage=name, **settings)

        async def change_settings(name: str, settings: Mapping[str, str]) -> None:
            await asyncio.to_thread(running.stop, name)
            await start(name, settings)

        async with insistent_client(running) as client:
            shop = Shop(client, 7, 0, ("shipped", "paid", "shipped", "cancelled"), at_once=4, open=True)

            async def switch() -> None:
                await shop.goes_on()
                await start("green", idle)
                running.traffic = "green"
                await shop.goes_on()
                assert not [each for each in BEHIND if each in running.said("green")]
                running.traffic = "blue"
                await change_settings("green", {})
                await shop.goes_on()
                running.traffic = "green"
                await shop.goes_on()
                await change_settings("blue", idle)
                await eventually(6, lambda: followed(backing))
                await shop.goes_on()
                assert not [each for each in BEHIND if each in running.said("blue")]
                assert "relay_events ok" in running.said("green")
                # And back.
                await change_settings("blue", {})
                running.traffic = "blue"
                await change_settings("green", idle)
                await shop.goes_on()
                await asyncio.to_thread(running.stop, "green")

            await start("blue", {})
            running.traffic = "blue"
            async with asyncio.TaskGroup() as group:
                group.create_task(shop.run())
                await switch()
                shop.open = False
        told = await verdict(ROOT, backing.environment, shop.order_ids, STOCK)
        assert len(shop.order_ids) == told["OrderPlaced"]
        await asyncio.to_thread(walk, "The steps", backing)
        await nothing_is_dead(backing)


def settings_of_an_idle_app(backing: Parts) -> Mapping[str, str]:
    """As the page has them printed."""
    walked = walk("An idle app", backing)
    return dict(line.split("=", 1) for line in walked.said.splitlines())


def walk(section: str, backing: Parts) -> Walk:
    """Every block of that section of the page."""
    walked = Walk({"project": ROOT}, dict(backing.environment))
    for block in blocks_of(PAGE, "project"):
        if block.section == section:
            walked.take(block)
    return walked


async def followed(backing: Parts) -> int:
    """How many consumers have a host that renews their lease."""
    async with judge_of(backing) as judge:
        lags = await judge.services.lags.of(followers(READ_MODELS), utc_now())
    return sum(each.state == "owned" for each in lags)
