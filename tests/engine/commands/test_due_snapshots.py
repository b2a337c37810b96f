"""Snapshots that are due are written after the answer, one per stream; one that is lost is missed by nobody."""

import asyncio
from typing import Any

import pytest

from engine.commands import due_snapshots
from engine.commands.due_snapshots import DueSnapshots
from engine.commands.stream_state import StreamState
from engine.storing.snapshots import Snapshot
from tests.engine.commands.desk import HOUSE_STREAM, Desk, house_at
from tests.engine.commands.hostile_store import HostileStore
from tests.engine.contexts import context
from tests.engine.houses import filled_with_beds
from tests.engine.toy.house import AddBeds
from tests.engine.toy.registry import HOUSE


class Writer:
    """Writes when it is let."""

    def __init__(self) -> None:
        self.written: list[tuple[str, int]] = []
        self.go_on = asyncio.Event()

    async def keep(self, _aggregate: Any, stream_id: str, state: StreamState[Any]) -> None:
        await self.go_on.wait()
        self.written.append((stream_id, state.version))


async def test_the_newest_state_of_a_stream_is_written() -> None:
    writer = Writer()
    due = DueSnapshots(writer.keep)
    for version in (50, 100, 150):
        due.add(HOUSE, "house-a", StreamState(None, version))
    due.add(HOUSE, "house-b", StreamState(None, 50))
    writer.go_on.set()
    await due.idle()
    assert [("house-a", 150), ("house-b", 50)] == writer.written


async def test_few_wait_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(due_snapshots, "MAX_DUE", 2)
    writer = Writer()
    due = DueSnapshots(writer.keep)
    for stream in ("house-a", "house-b", "house-c"):
        due.add(HOUSE, stream, StreamState(None, 50))
    writer.go_on.set()
    await due.idle()
    assert [("house-b", 50), ("house-c", 50)] == writer.written


async def test_an_answer_does_not_wait_for_it_and_its_loss_changes_no_answer() -> None:
    store = HostileStore()
    asked, lost = asyncio.Event(), asyncio.Event()

    async def never_arrives(snapshot: Snapshot) -> None:
        asked.set()
        await lost.wait()

    store.snapshots.write = never_arrives  # type: ignore[method-assign]
    desk = Desk(store)
    await filled_with_beds(store.memory, 49)
    command = context("the 50th").to(HOUSE_STREAM, AddBeds("hill", 1))
    assert house_at(50) == await desk.handler.handle(HOUSE, command)
    await asked.wait()
    assert house_at(51) == await Desk(store).handler.handle(HOUSE, context("next").to(HOUSE_STREAM, AddBeds("hill", 1)))
    assert await store.snapshots.read(HOUSE_STREAM, 1) is None
    lost.set()
    await desk.handler.idle()
