"""What is told of the health of a service, and how seldom it is looked at."""

import asyncio
import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from engine.consuming import health
from engine.consuming.feed.port import FeedRange, Lease
from engine.consuming.health import BEHIND_FROM, FRESH_FOR, Health
from engine.consuming.parked.port import Failure
from engine.consuming.parked_streams.port import ParkedStream
from engine.errors import Unavailable
from engine.messaging.port import DeadLetter, Received
from engine.testing.times import NOON
from engine.triggers.health import health_answer
from tests.engine.contexts import context
from tests.engine.houses import HOUSE_STREAM
from tests.engine.toy.house import AddBeds
from tests.engine.toy.registry import HOUSE
from tests.engine.world import World

FOLLOWERS = {"house-beds": ["house-beds@1", "house-beds@2"], "relay": ["relay"]}
BUS = ("commands",)


def lease(world: World, consumer: str, continuation: str | None, *, owner: str | None = "host", age: float = 0) -> None:
    renewed = (world.now - timedelta(seconds=age)).replace(tzinfo=None).isoformat() + "Z"
    world.change_feed.documents.append(
        {
            "id": f"{consumer}-{world.change_feed.of}0",
            "FeedRange": {"Range": {"min": "", "max": "FF"}},
            "Owner": owner,
            "ContinuationToken": continuation,
            "timestamp": renewed,
        }
    )


@pytest.fixture
async def world() -> World:
    """Both consumers have handled the only event."""
    world = World()
    await world.commands.handle(HOUSE, context("k-1").to(HOUSE_STREAM, AddBeds("hill", 1)))
    for each in FOLLOWERS:
        lease(world, each, '"1"')
    return world


async def look(world: World) -> Health:
    world.now += timedelta(seconds=FRESH_FOR)
    return await world.services.health.of(FOLLOWERS, BUS)


def body(found: Health) -> Any:
    return json.loads(health_answer(found).get_body())


class TestWhatIsTold:
    async def test_all_is_well(self, world: World) -> None:
        found = await look(world)
        partition = {
            "partition": "00-FF", "state": "owned", "documents": 0, "seconds": 0.0, "owner": "host", "age": FRESH_FOR,
        }  # fmt: skip
        assert {
            "status": "ok",
            "at": "2026-11-23T12:00:10Z",
            "dependencies": {"cosmos": "up", "serviceBus": "up"},
            "consumers": [
                {"consumer": "house-beds", "parked": 0, "partitions": [partition]},
                {"consumer": "relay", "parked": 0, "partitions": [partition]},
                {"consumer": "commands", "parked": 0},
            ],
        } == body(found)
        assert 200 == health_answer(found).status_code

    async def test_a_consumer_that_is_far_behind_is_not_well(self, world: World) -> None:
        world.change_feed.documents.clear()
        for each in FOLLOWERS:
            lease(world, each, None, age=-BEHIND_FROM)
        world.now += timedelta(seconds=BEHIND_FROM - FRESH_FOR - 1)
        assert "ok" == (await look(world)).status
        assert "degraded" == (await look(world)).status

    @pytest.mark.parametrize(("owner", "age", "state"), [(None, 0, "unowned"), ("host", 61, "expired")])
    async def test_a_partition_that_nobody_follows_is_not_well(
        self, world: World, owner: str | None, age: float, state: str
    ) -> None:
        world.change_feed.documents.pop()
        lease(world, "relay", '"1"', owner=owner, age=age)
        found = await look(world)
        assert ("degraded", ["owned", state]) == (found.status, [each.state for each in found.lags])
        assert 200 == health_answer(found).status_code

    async def test_a_lease_that_is_gone_is_not_well(self, world: World) -> None:
        world.change_feed.documents.pop()
        found = await look(world)
        assert ("degraded", ["owned", "missing"]) == (found.status, [each.state for each in found.lags])

    async def test_what_is_parked_is_counted(self, world: World) -> None:
        failure = Failure("no", "trace", 1, NOON)
        for number in (1, 2):
            await world.parked.park("commands", Received(f"m-{number}", f"house-{number}", number, b"{}"), failure)
        await world.parked.park_alone("commands", Received("m-3", None, 3, b"{}"), failure)
        for consumer, stream in (("house-beds@1", "house-1"), ("house-beds@2", "house-1"), ("relay", "house-2")):
            parked = ParkedStream(stream, 1, 1, 1, "BedsAdded", "failed", "k", "no", "trace", 5, NOON)
            await world.parked_streams.park(consumer, parked)
        found = await look(world)
        by_consumer = {"house-beds@1": 1, "house-beds@2": 1, "relay": 1, "commands": 3}
        assert ("degraded", by_consumer) == (found.status, found.parked)
        by_name = {each["consumer"]: each["parked"] for each in body(found)["consumers"]}
        assert {"house-beds": 2, "relay": 1, "commands": 3} == by_name


class _Away:
    async def leases(self) -> Sequence[Lease]:
        raise Unavailable("AccountKey=secret")

    async def ranges(self) -> Sequence[FeedRange]:
        return []


class _Hanging(_Away):
    async def leases(self) -> Sequence[Lease]:
        await asyncio.Event().wait()
        return []


def with_feed(world: World, feed: Any) -> World:
    world.change_feed = feed
    world.services = world.another_process()
    return world


class TestDependencies:
    async def test_a_store_that_is_away_is_a_503_that_tells_no_secret(self, world: World) -> None:
        found = await look(with_feed(world, _Away()))
        assert ("down", "up", ()) == (found.status, found.bus, found.lags)
        answer = health_answer(found)
        assert 503 == answer.status_code
        assert b"secret" not in answer.get_body()

    async def test_a_store_that_hangs_is_waited_for_no_longer_than_the_bound(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(health, "LOOK_LIFETIME", 0.01)
        async with asyncio.timeout(5):
            assert "down" == (await look(with_feed(world, _Hanging()))).status

    async def test_a_bus_that_is_away_is_a_503(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        async def away(entity: str, after: int, limit: int) -> Sequence[DeadLetter]:
            raise Unavailable("no bus")

        monkeypatch.setattr(world.bus, "dead_letters", away)
        found = await look(world)
        assert ("down", "up", "down") == (found.status, found.store, found.bus)

    async def test_a_bus_that_was_never_used_is_not_connected_to(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def connects(entity: str, after: int, limit: int) -> Sequence[DeadLetter]:
            raise AssertionError("connects")

        monkeypatch.setattr(world.bus, "dead_letters", connects)
        monkeypatch.setattr(world.bus, "in_use", lambda: False)
        found = await look(world)
        assert ("ok", "unused") == (found.status, found.bus)


class TestPolling:
    async def test_all_that_ask_within_some_seconds_share_one_look(self, world: World) -> None:
        found = await look(world)
        reads = world.parked.reads
        again = await asyncio.gather(*(world.services.health.of(FOLLOWERS, BUS) for _ in range(100)))
        assert ({id(found)}, reads) == ({id(each) for each in again}, world.parked.reads)
        world.now += timedelta(seconds=FRESH_FOR)
        await asyncio.gather(*(world.services.health.of(FOLLOWERS, BUS) for _ in range(100)))
        assert 2 * reads == world.parked.reads

    async def test_a_caller_that_leaves_takes_nobody_with_it(self, world: World) -> None:
        world.now += timedelta(seconds=FRESH_FOR)
        callers = [asyncio.create_task(world.services.health.of(FOLLOWERS, BUS)) for _ in range(2)]
        await asyncio.sleep(0)
        callers[0].cancel()
        assert "ok" == (await callers[1]).status
