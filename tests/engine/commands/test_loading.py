"""Long streams are loaded from a snapshot and their newest events, and never wrongly."""

from dataclasses import replace

import pytest

from engine.commands.loading import NEWEST
from engine.errors import Unavailable
from engine.storing.snapshots import Snapshot
from tests.engine.commands.desk import HOUSE_STREAM, Desk, house_at
from tests.engine.commands.hostile_store import HostileStore


async def add_beds(desk: Desk, count: int, name: str = "k") -> None:
    for n in range(count):
        await desk.add_beds(1, f"{name}-{n}")


async def snapshot_of(store: HostileStore) -> Snapshot | None:
    return await store.snapshots.read(HOUSE_STREAM, 1)


async def test_an_append_that_crosses_a_multiple_of_50_leaves_a_snapshot(desk: Desk, store: HostileStore) -> None:
    await add_beds(desk, 49)
    assert await snapshot_of(store) is None
    await add_beds(desk, 1, "the 50th")
    snapshot = await snapshot_of(store)
    assert snapshot is not None
    assert (50, {"beds": 50, "taken": {}}) == (snapshot.version, snapshot.state)


async def test_a_long_stream_is_loaded_in_one_parallel_round_trip(desk: Desk, other: Desk, store: HostileStore) -> None:
    await add_beds(desk, 130)
    store.calls.clear()
    assert house_at(131) == await other.add_beds(1, "other")
    assert (["newest", "append"], 131) == (store.calls, other.beds_believed())


async def test_a_hole_between_snapshot_and_newest_events_costs_one_more_query(
    desk: Desk, other: Desk, store: HostileStore
) -> None:
    await add_beds(desk, 50)
    early = await snapshot_of(store)
    assert early is not None
    await add_beds(desk, NEWEST, "more")
    await store.snapshots.write(early)
    store.calls.clear()
    assert house_at(151) == await other.add_beds(1, "other")
    assert (["newest", "read", "append"], 151) == (store.calls, other.beds_believed())


async def test_without_a_snapshot_a_long_stream_is_folded_whole_and_one_is_left_behind(
    desk: Desk, other: Desk, store: HostileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise Unavailable("away")

    with monkeypatch.context() as broken:
        broken.setattr(store.snapshots, "write", away)
        broken.setattr(store.snapshots, "read", away)
        await add_beds(desk, 501)
    assert await snapshot_of(store) is None
    assert house_at(502) == await other.add_beds(1, "other")
    snapshot = await snapshot_of(store)
    assert snapshot is not None
    assert (501, 502) == (snapshot.version, other.beds_believed())


async def test_a_command_older_than_the_snapshot_is_still_found(desk: Desk, other: Desk, store: HostileStore) -> None:
    await add_beds(desk, 200)
    assert house_at(3) == await other.add_beds(1, "k-2")
    assert 200 == len(await store.memory.read(HOUSE_STREAM))


@pytest.mark.parametrize(
    "changed",
    [{"event_id": "another event"}, {"version": 10_000}, {"state": {}}, {"state": {"beds": 1}},
     {"event_id": "another event", "state": {"beds": 1, "taken": {}}}],
    ids=str,
)  # fmt: skip
async def test_a_snapshot_that_the_events_do_not_bear_out_is_not_used(
    desk: Desk, other: Desk, store: HostileStore, changed: dict[str, object]
) -> None:
    await add_beds(desk, 120)
    snapshot = await snapshot_of(store)
    assert snapshot is not None
    await store.snapshots.write(replace(snapshot, **changed))  # type: ignore[arg-type]
    assert house_at(121) == await other.add_beds(1, "other")
    assert 121 == other.beds_believed()


async def test_a_snapshot_of_another_fold_is_not_used(desk: Desk, other: Desk, store: HostileStore) -> None:
    await add_beds(desk, 120)
    snapshot = await snapshot_of(store)
    assert snapshot is not None
    store.snapshots._snapshots.clear()
    await store.snapshots.write(replace(snapshot, fold=2, state={"beds": 1, "taken": {}}))
    await other.add_beds(1, "other")
    assert 121 == other.beds_believed()


async def test_after_lost_history_the_snapshot_is_not_trusted(desk: Desk, store: HostileStore) -> None:
    await add_beds(desk, 120)
    store.memory.lose(HOUSE_STREAM, after=20)
    assert house_at(21) == await desk.add_beds(1, "after the loss")
    assert 21 == desk.beds_believed()


async def test_a_cold_process_does_not_fall_for_a_snapshot_of_a_lost_future(
    desk: Desk, other: Desk, store: HostileStore
) -> None:
    await add_beds(desk, 250)
    store.memory.lose(HOUSE_STREAM, after=160)
    assert house_at(161) == await other.add_beds(1, "after the loss")
    assert 161 == other.beds_believed()
