"""Long streams are loaded from a snapshot and their newest events, and never wrongly."""

from dataclasses import replace

import pytest

from engine.commands.handler import CommandResult
from engine.commands.loading import NEWEST
from engine.errors import Unavailable
from engine.storing.snapshots import Snapshot
from tests.engine.commands.conftest import Desk
from tests.engine.commands.hostile_store import HostileStore


async def receive(desk: Desk, count: int, name: str = "k") -> None:
    for n in range(count):
        await desk.receive(1, f"{name}-{n}")


async def on_hand(desk: Desk) -> int:
    """What a process believes to be on hand, told by its cache."""
    folded = desk.handler.cache.get("stock-mug")
    assert folded is not None
    on_hand: int = folded.state.on_hand
    return on_hand


async def snapshot_of(store: HostileStore) -> Snapshot | None:
    return await store.snapshots.read("stock-mug", 1)


async def test_an_append_that_crosses_a_multiple_of_50_leaves_a_snapshot(desk: Desk, store: HostileStore) -> None:
    await receive(desk, 49)
    assert await snapshot_of(store) is None
    await receive(desk, 1, "the 50th")
    snapshot = await snapshot_of(store)
    assert snapshot is not None
    assert (50, {"onHand": 50, "reservations": {}}) == (snapshot.version, snapshot.state)


async def test_a_long_stream_is_loaded_in_one_parallel_round_trip(desk: Desk, other: Desk, store: HostileStore) -> None:
    await receive(desk, 130)
    store.calls.clear()
    assert CommandResult("stock-mug", 131, "StockReceived") == await other.receive(1, "other")
    assert (["newest", "append"], 131) == (store.calls, await on_hand(other))


async def test_a_hole_between_snapshot_and_newest_events_costs_one_more_query(
    desk: Desk, other: Desk, store: HostileStore
) -> None:
    await receive(desk, 50)
    early = await snapshot_of(store)
    assert early is not None
    await receive(desk, NEWEST, "more")
    await store.snapshots.write(early)
    store.calls.clear()
    assert CommandResult("stock-mug", 151, "StockReceived") == await other.receive(1, "other")
    assert (["newest", "read", "append"], 151) == (store.calls, await on_hand(other))


async def test_without_a_snapshot_a_long_stream_is_folded_whole_and_one_is_left_behind(
    desk: Desk, other: Desk, store: HostileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise Unavailable("away")

    with monkeypatch.context() as broken:
        broken.setattr(store.snapshots, "write", away)
        broken.setattr(store.snapshots, "read", away)
        await receive(desk, 501)
    assert await snapshot_of(store) is None
    assert CommandResult("stock-mug", 502, "StockReceived") == await other.receive(1, "other")
    snapshot = await snapshot_of(store)
    assert snapshot is not None
    assert (501, 502) == (snapshot.version, await on_hand(other))


async def test_a_command_older_than_the_snapshot_is_still_found(desk: Desk, other: Desk, store: HostileStore) -> None:
    await receive(desk, 200)
    assert CommandResult("stock-mug", 3, "StockReceived") == await other.receive(1, "k-2")
    assert 200 == len(await store.memory.read("stock-mug"))


@pytest.mark.parametrize(
    "changed", [{"event_id": "another event"}, {"version": 10_000}, {"state": {}}, {"state": {"onHand": 1}}], ids=str
)
async def test_a_snapshot_that_the_events_do_not_bear_out_is_not_used(
    desk: Desk, other: Desk, store: HostileStore, changed: dict[str, object]
) -> None:
    await receive(desk, 120)
    snapshot = await snapshot_of(store)
    assert snapshot is not None
    await store.snapshots.write(replace(snapshot, **changed))  # type: ignore[arg-type]
    assert CommandResult("stock-mug", 121, "StockReceived") == await other.receive(1, "other")
    assert 121 == await on_hand(other)


async def test_a_snapshot_of_another_fold_is_not_used(desk: Desk, other: Desk, store: HostileStore) -> None:
    await receive(desk, 120)
    snapshot = await snapshot_of(store)
    assert snapshot is not None
    store.snapshots._snapshots.clear()
    await store.snapshots.write(replace(snapshot, fold=2, state={"onHand": 1, "reservations": {}}))
    await other.receive(1, "other")
    assert 121 == await on_hand(other)


async def test_after_lost_history_the_snapshot_is_not_trusted(desk: Desk, store: HostileStore) -> None:
    await receive(desk, 120)
    store.memory.lose("stock-mug", after=20)
    assert CommandResult("stock-mug", 21, "StockReceived") == await desk.receive(1, "after the loss")
    assert 21 == await on_hand(desk)


async def test_a_cold_process_does_not_fall_for_a_snapshot_of_a_lost_future(
    desk: Desk, other: Desk, store: HostileStore
) -> None:
    await receive(desk, 250)
    store.memory.lose("stock-mug", after=160)
    assert CommandResult("stock-mug", 161, "StockReceived") == await other.receive(1, "after the loss")
    assert 161 == await on_hand(other)
