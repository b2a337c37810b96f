"""What every store of rollups promises."""

import asyncio
import uuid
from collections import Counter
from collections.abc import Collection, Mapping

import pytest

from engine.errors import AccessRefused
from engine.projecting.counting.port import RollupStore
from engine.projecting.counting.rollup import LARGEST_CONTRIBUTION
from tests.engine.contracts.conftest import Adapters

ROLLUP = "house-visits"
REPLICAS_LAG = 4
ARRIVALS, BEDS = "05.hill.arrivals", "05.hill.beds"


def bucket() -> str:
    return f"1~{uuid.uuid4()}~3"


async def shown(adapters: Adapters, expected: Mapping[str, Mapping[str, int]], of: Collection[str] = ()) -> None:
    """Asserts that the buckets come to have these sums: a replica that lags shows fewer."""
    for _ in range(20):
        found = await adapters.rollups.sums(ROLLUP, of or expected)
        if found == expected:
            return
    assert found == expected


async def test_a_bucket_that_nothing_was_added_to_is_left_out(adapters: Adapters) -> None:
    empty = bucket()
    assert {} == await adapters.rollups.sums(ROLLUP, [empty])
    assert {} == await adapters.rollups.sums(ROLLUP, [empty, bucket()])


async def test_an_event_is_counted_once_however_often_it_comes(adapters: Adapters) -> None:
    at = bucket()
    for _ in range(3):
        await adapters.rollups.count(ROLLUP, at, {"guest-1~2": {ARRIVALS: 1}, "house-1~1": {BEDS: 3}})
        await adapters.rollups_peer.count(ROLLUP, at, {"guest-2~2": {ARRIVALS: 1}, "guest-1~2": {ARRIVALS: 1}})
    await adapters.rollups.count(ROLLUP, at, {"house-1~2": {BEDS: -5}})
    await shown(adapters, {at: {ARRIVALS: 2, BEDS: -2}})


async def test_two_owners_at_once_count_once(adapters: Adapters) -> None:
    at = bucket()
    beds = {f"{number:02}.hill.beds": number + 1 for number in range(40)}
    events = {f"house-{key}~2": {ARRIVALS: 1, key: count} for key, count in beds.items()}
    halves = [dict(list(events.items())[start : start + 25]) for start in (0, 15)]
    both = (adapters.rollups, adapters.rollups_peer)
    await asyncio.gather(*(store.count(ROLLUP, at, part) for store in both for part in (*halves, events)))
    await shown(adapters, {at: {ARRIVALS: 40, **beds}})


async def test_more_events_and_sums_than_a_transaction_holds_are_all_counted(adapters: Adapters) -> None:
    at = bucket()
    events = {f"guest-{n}~{n}": {f"{n % 60:02}.house-{n % 7}.beds": n + 1, ARRIVALS: 1} for n in range(350)}
    for _ in range(2):
        await adapters.rollups.count(ROLLUP, at, events)
    expected = Counter[str]()
    for added in events.values():
        expected.update(added)
    await shown(adapters, {at: expected})


async def test_sums_of_any_size_are_exact(adapters: Adapters) -> None:
    at = bucket()
    for number in range(5):
        await adapters.rollups.count(ROLLUP, at, {f"house-1~{number}": {BEDS: LARGEST_CONTRIBUTION - number}})
    await shown(adapters, {at: {BEDS: 5 * LARGEST_CONTRIBUTION - 10}})
    await adapters.rollups.count(ROLLUP, at, {"house-1~9": {BEDS: -LARGEST_CONTRIBUTION}})
    await shown(adapters, {at: {BEDS: 4 * LARGEST_CONTRIBUTION - 10}})


async def test_many_buckets_are_read_at_once(adapters: Adapters) -> None:
    day = [bucket() for _ in range(24 * 8)]
    for number, each in enumerate(day[::10]):
        await adapters.rollups.count(ROLLUP, each, {"guest-1~2": {ARRIVALS: number + 1}})
    await shown(adapters, {each: {ARRIVALS: number + 1} for number, each in enumerate(day[::10])}, day)


async def test_without_its_container_nothing_is_counted_and_that_is_told(adapters: Adapters) -> None:
    if adapters.name == "memory":
        return
    with pytest.raises(AccessRefused):
        await adapters.rollups.count("unknown", bucket(), {"guest-1~2": {ARRIVALS: 1}})
    with pytest.raises(AccessRefused):
        await adapters.rollups.sums("unknown", [bucket(), bucket()])


async def items_of(adapters: Adapters, prefix: str) -> set[str]:
    """The ids of what the feed brings of these buckets."""
    feed, found = adapters.rollups.changes(ROLLUP), set[str]()
    for where in await feed.ranges():
        position = None
        while (page := await feed.read(where, position, 100)).items:
            position = page.position
            found |= {item["id"] for item in page.items if item["bucket"].startswith(prefix)}
    return found


async def test_its_feed_brings_counters_and_markers(adapters: Adapters) -> None:
    at = bucket()
    await adapters.rollups.count(ROLLUP, at, {"guest-1~2": {ARRIVALS: 1}, "house-1~1": {BEDS: 3}})
    for _ in range(20):
        if {at, "guest-1~2", "house-1~1"} == await items_of(adapters, at):
            return
    pytest.fail("the feed never brings them")


async def test_buckets_are_deleted_by_the_beginning_of_their_names_and_others_stay(adapters: Adapters) -> None:
    mark = uuid.uuid4()
    ours, others = [f"1-{mark}~{shard}" for shard in range(3)], [f"2-{mark}~{shard}" for shard in range(2)]
    for at in (*ours, *others):
        await adapters.rollups.count(ROLLUP, at, {f"guest-{number}~2": {ARRIVALS: 1} for number in range(7)})
    deleted, idle = 0, 0
    while idle < 20:
        # A replica that lags may show nothing yet, and what is gone.
        count = await adapters.rollups.delete(ROLLUP, f"1-{mark}~", 5)
        assert count <= 5
        deleted, idle = deleted + count, 0 if count else idle + 1
    assert deleted >= 3 * 8
    await shown(adapters, {}, ours)
    await shown(adapters, {at: {ARRIVALS: 7} for at in others})
    await adapters.rollups.count(ROLLUP, ours[0], {"guest-1~2": {ARRIVALS: 1}})
    await shown(adapters, {ours[0]: {ARRIVALS: 1}})


async def test_two_that_delete_at_once_leave_nothing(adapters: Adapters) -> None:
    prefix = f"1-{uuid.uuid4()}~"
    for shard in range(2):
        await adapters.rollups.count(ROLLUP, f"{prefix}{shard}", {f"guest-{n}~2": {ARRIVALS: 1} for n in range(25)})

    # A drop waits for a minute: by then, no replica lacks what was counted. Here they lag by so many writes at most.
    for number in range(REPLICAS_LAG):
        await adapters.rollups.count(ROLLUP, f"later-{uuid.uuid4()}", {f"guest-{number}~2": {ARRIVALS: 1}})

    async def delete(store: RollupStore) -> None:
        idle = 0
        while idle < 20:
            idle = 0 if await store.delete(ROLLUP, prefix, 10) else idle + 1

    await asyncio.gather(delete(adapters.rollups), delete(adapters.rollups_peer))
    assert set() == await items_of(adapters, prefix)
