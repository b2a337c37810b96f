"""The counter over the local Cosmos DB, whose requests fail one after the other: each before it, and each after it."""

import asyncio
import itertools
import random
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from emulators.cosmos.faults import Effect, Fault
from emulators.cosmos.server import CosmosServer
from engine import turns
from engine.consuming.errors import TransientFailure
from engine.projecting.counting import cosmos as counting_cosmos
from engine.projecting.counting.cosmos import CosmosRollupStore
from engine.projecting.counting.rollup import LARGEST_CONTRIBUTION, SHARDS, Rollup
from engine.projecting.counting.sums import RollupReader, Span
from engine.storing.cosmos_account import open_client
from engine.testing.times import NOON
from tests.engine.contracts.connections import cosmos, provisioned
from tests.engine.projecting.tallies import Log, Tally, counted
from tests.engine.toy.guest import GuestArrived, GuestInvited, GuestLeft
from tests.engine.toy.house import BedsReturned, BedsTaken
from tests.engine.toy.read_models.house_visits import HOUSE_VISITS
from tests.engine.toy.registry import CODEC
from tests.engine.world import services_over

STEPS = ("execute_item_batch", "create_item", "read_items")
DAY = Span(NOON - timedelta(hours=12), NOON + timedelta(hours=12))


class Crash(TimeoutError):
    """Is for a store what no answer is, be it that the request was not sent, or that its answer was lost."""


@dataclass
class Owner:
    """One owner of a lease, whose requests a test watches; `steps` are those that it made."""

    log: Log
    database: Any
    rollup: Rollup = HOUSE_VISITS
    crash_at: int | None = None
    crash_after: bool = False
    steps: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.counter = services_over(self.log.store, rollups=CosmosRollupStore(lambda _: self)).counter  # type: ignore[arg-type, return-value]  # in place of the SDK

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name not in STEPS:
            raise AttributeError(name)

        async def step(*arguments: Any, **options: Any) -> Any:
            crashes = len(self.steps) == self.crash_at
            self.steps.append(name)
            if crashes and not self.crash_after:
                raise Crash
            try:
                return await getattr(self.database.get_container_client(HOUSE_VISITS.name), name)(*arguments, **options)
            finally:
                if crashes:
                    raise Crash

        return step

    async def run(self, batch: Any) -> bool:
        """Returns whether the batch is done with, and not to be delivered again."""
        try:
            await self.counter.run(self.rollup, batch)
        except TransientFailure:
            return False
        return True


@dataclass
class Cosmos:
    server: CosmosServer
    database: Any

    async def counted(self, rollup: Rollup = HOUSE_VISITS) -> Tally:
        """As the primary has it, since no replica lags here."""
        store = CosmosRollupStore(self.database.get_container_client)
        return await counted(RollupReader(store, lambda: NOON), DAY, rollup)


@pytest.fixture
async def store() -> AsyncIterator[Cosmos]:
    async with CosmosServer.start(port=0) as server, open_client(cosmos(server.connection_string)) as client:
        yield Cosmos(server, await provisioned(client, "contract-tests"))


async def visits(log: Log, count: int) -> list[Any]:
    """A batch of guests who come in one hour and leave in another, and take a bed."""
    for number in range(count):
        times = [NOON + timedelta(minutes=minutes) for minutes in (number % 60, number % 60, 600 - 61 * number % 1200)]
        guest, name = f"guest-{number}", f"g-{number}"
        await log.happened(
            guest, [GuestInvited(name, "hill", ()), GuestArrived(name, "hill"), GuestLeft(name, "hill", "x")], *times
        )
        await log.happened(f"house-{number}", [BedsTaken("hill", name, 2), BedsReturned("hill", name, 1)], NOON)
    return log.feed(random.Random(7))


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_a_crash_at_each_step_and_the_batch_again_count_once(store: Cosmos, after: bool) -> None:
    """Every kind of step is met, among them those of a batch of which a part was counted before.

    Each generation begins with nothing.
    """
    log, met = Log(), set[str]()
    batch = await visits(log, 3)
    for step in itertools.count():
        rollup = replace(HOUSE_VISITS, generation=step + 1)
        assert await Owner(log, store.database, rollup).run(batch[::3])
        owner = Owner(log, store.database, rollup, step, after)
        if await owner.run(batch):
            break
        met.add(owner.steps[step])
        assert await Owner(log, store.database, rollup).run(batch)
        assert log.tally() == await store.counted(rollup)
    assert set(STEPS) == met


async def test_two_owners_at_once_one_of_which_crashes_count_once(store: Cosmos) -> None:
    log = Log()
    batch = await visits(log, 3)
    for step in range(20):
        rollup = replace(HOUSE_VISITS, generation=step + 1)
        owners = [Owner(log, store.database, rollup, step, after) for after in (False, True)]
        done = await asyncio.gather(*(owner.run(batch) for owner in owners))
        assert all(done) or await Owner(log, store.database, rollup).run(batch)
        assert log.tally() == await store.counted(rollup)


async def test_a_transaction_that_the_sdk_sends_again_counts_once(store: Cosmos) -> None:
    """Its answer was lost: an increment alone would count twice."""
    log = Log()
    batch = await visits(log, 5)
    store.server.faults.add(Fault(Effect.LOSE_ANSWER, times=5))
    while not await Owner(log, store.database).run(batch):
        pass
    assert log.tally() == await store.counted()


async def test_a_batch_takes_one_transaction_for_each_shard_of_its_hours(
    store: Cosmos, monkeypatch: pytest.MonkeyPatch
) -> None:
    """1,000 events a second, ten batches of 100: 80 transactions, of which each bucket takes ten."""
    # A stream that is interrupted on a busy machine would come too late for its group.
    monkeypatch.setattr(turns, "_TURN", 60.0)
    log = Log()
    for number in range(100):
        await log.happened(f"guest-{number}", [GuestArrived("g", "hill")], NOON)
    first, second = [Owner(log, store.database) for _ in range(2)]
    assert await first.run(log.feed(random.Random(7)))
    assert {"execute_item_batch": 2 * SHARDS, "create_item": SHARDS} == _numbers(first)
    again = Log(log.store)
    for number in range(100):
        await again.happened(f"guest-new-{number}", [GuestArrived("g", "hill")], NOON)
    assert await second.run(again.feed(random.Random(7)))
    assert {"execute_item_batch": SHARDS} == _numbers(second)
    twice = Owner(log, store.database)
    assert await twice.run(again.feed(random.Random(8)))
    assert {"execute_item_batch": SHARDS, "read_items": SHARDS} == _numbers(twice)


async def test_a_counter_that_somebody_deleted_begins_anew_and_counts_nothing_again(store: Cosmos) -> None:
    log = Log()
    batch = await log.happened("guest-g-1", [GuestInvited("g-1", "hill", ()), GuestArrived("g-1", "hill")], NOON)
    assert await Owner(log, store.database).run(batch)
    container = store.database.get_container_client(HOUSE_VISITS.name)
    bucket = next(bucket for hour, bucket in HOUSE_VISITS.buckets(NOON, NOON + timedelta(hours=1)) if bucket[-1] == "6")
    await container.delete_item(bucket, bucket)
    later = await log.happened("guest-g-1", [GuestLeft("g-1", "hill", "x")], NOON)
    assert await Owner(log, store.database).run([*batch, *later])
    assert {(NOON, "hill", "departures"): 1} == await store.counted()


async def test_a_bucket_that_never_settles_is_given_back_to_the_feed(
    store: Cosmos, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting_cosmos, "_ATTEMPTS", 1)
    log = Log()
    batch = await log.happened("guest-g-1", [GuestArrived("g-1", "hill")], NOON)
    owner = Owner(log, store.database)
    assert not await owner.run(batch)
    assert await owner.run(batch)


def _numbers(owner: Owner) -> dict[str, int]:
    return {name: owner.steps.count(name) for name in STEPS if name in owner.steps}


async def test_a_replica_that_lags_hides_no_marker_that_the_primary_has_met() -> None:
    async with (
        CosmosServer.start(port=0, lag=5, seed=7) as server,
        open_client(cosmos(server.connection_string)) as client,
    ):
        database, log = await provisioned(client, "contract-tests"), Log()
        for number in range(20):
            batch = await log.happened(f"guest-{number}", [GuestArrived("g", "hill")], NOON)
            assert await Owner(log, database).run(batch)
            again = Owner(log, database)
            assert await again.run(batch)
            assert ["execute_item_batch", "read_items"] == again.steps


async def test_no_number_at_rest_is_beyond_what_a_double_holds(store: Cosmos) -> None:
    """The local server would keep a larger one; Cosmos DB rounds it."""
    log = Log()
    for number in range(5):
        taken = BedsTaken("hill", f"g-{number}", LARGEST_CONTRIBUTION)
        assert await Owner(log, store.database).run(await log.happened("house-hill", [taken], NOON))
    (bucket,) = {HOUSE_VISITS.bucket_of(CODEC.decode(each)) for each in await log.store.read("house-hill")}
    counter = await store.database.get_container_client(HOUSE_VISITS.name).read_item(bucket, bucket)
    assert {"00.hill.beds": 5 * (LARGEST_CONTRIBUTION // 10**9)} == counter["billions"]
    assert {"00.hill.beds": 5 * (LARGEST_CONTRIBUTION % 10**9)} == counter["sums"]
    assert 5 * LARGEST_CONTRIBUTION == (await store.counted())[NOON, "hill", "beds"]
