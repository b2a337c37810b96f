"""A stream of any length: whoever is far behind catches up, and a load that is cut off was not in vain."""

import asyncio
import logging

import pytest

from engine.commands import loading
from engine.errors import Unavailable
from engine.storing import limits
from engine.storing.errors import StreamFull
from engine.storing.port import PAGE
from tests.engine.commands.desk import HOUSE_STREAM, Desk, house_at
from tests.engine.commands.hostile_store import HostileStore
from tests.engine.houses import filled_with_beds
from tests.engine.toy.house import InvalidCount

LONG = 5 * PAGE


@pytest.fixture(autouse=True)
def _without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    sleep = asyncio.sleep
    monkeypatch.setattr(asyncio, "sleep", lambda _: sleep(0))


async def leave_a_snapshot(store: HostileStore) -> None:
    """A process that has nothing in its cache folds the stream, and adds a bed."""
    await Desk(store).add_beds(1, f"snapshot-{len(store.calls)}")


class TestFarBehind:
    """A warm process whose cache has an early state of a stream that others have made long."""

    async def test_a_newer_snapshot_is_preferred_to_folding_on(self, desk: Desk, store: HostileStore) -> None:
        await desk.add_beds(1, "first")
        await filled_with_beds(store.memory, LONG)
        await leave_a_snapshot(store)
        store.calls.clear()
        assert house_at(LONG + 3) == await desk.add_beds(1, "late")
        assert ["append", "look_up", "read", "append"] == store.calls
        assert LONG + 3 == desk.beds_believed()

    async def test_without_a_newer_snapshot_it_folds_on_from_what_it_knows(
        self, desk: Desk, store: HostileStore
    ) -> None:
        await desk.add_beds(1, "first")
        await filled_with_beds(store.memory, LONG)
        after: list[int] = []
        await _noting_reads(store, after)
        assert house_at(LONG + 2) == await desk.add_beds(1, "late")
        assert [PAGE - 1 + n * PAGE for n in range(5)] == after
        assert LONG + 2 == desk.beds_believed()

    async def test_a_snapshot_of_a_lost_future_is_not_used(self, desk: Desk, store: HostileStore) -> None:
        await desk.add_beds(1, "first")
        await filled_with_beds(store.memory, 2 * LONG)
        await leave_a_snapshot(store)
        store.memory.lose(HOUSE_STREAM, after=LONG)
        assert house_at(LONG + 1) == await desk.add_beds(1, "late")
        assert LONG + 1 == desk.beds_believed()

    async def test_a_command_that_took_effect_meanwhile_is_found(self, desk: Desk, store: HostileStore) -> None:
        await desk.add_beds(1, "first")
        await filled_with_beds(store.memory, LONG, own=LONG - 5)
        assert house_at(LONG - 5) == await desk.add_beds(1, "own")
        assert LONG + 1 == len(store.memory._streams[HOUSE_STREAM])

    async def test_a_command_that_takes_effect_elsewhere_while_it_catches_up_is_found(
        self, desk: Desk, store: HostileStore
    ) -> None:
        """A snapshot skips its event; so it is looked for once more before a refusal is spoken."""
        await desk.add_beds(1, "first")
        await filled_with_beds(store.memory, LONG)
        look_up = store.look_up

        async def and_then_elsewhere(*args: object) -> object:
            found = await look_up(*args)  # type: ignore[arg-type]
            if store.calls.count("look_up") == 1:
                await filled_with_beds(store.memory, LONG, own=LONG + 100)
                await leave_a_snapshot(store)
            return found

        store.look_up = and_then_elsewhere  # type: ignore[method-assign, assignment]
        assert house_at(LONG + 100) == await desk.add_beds(0, "own")

    async def test_a_refusal_is_spoken_from_the_newest_state(self, desk: Desk, store: HostileStore) -> None:
        await desk.add_beds(1, "first")
        await filled_with_beds(store.memory, LONG)
        with pytest.raises(InvalidCount):
            await desk.add_beds(0, "none")
        assert LONG + 1 == desk.beds_believed()


class TestCutOff:
    async def test_the_next_load_of_the_process_goes_on_where_one_was_cut_off(
        self, desk: Desk, store: HostileStore
    ) -> None:
        await filled_with_beds(store.memory, LONG)
        await _failing_after(store, 3 * PAGE)
        with pytest.raises(Unavailable):
            await desk.add_beds(1, "k")
        assert 3 * PAGE == desk.beds_believed()
        after: list[int] = []
        await _noting_reads(store, after)
        assert house_at(LONG + 1) == await desk.add_beds(1, "k")
        assert after
        assert min(after) >= 3 * PAGE

    async def test_a_load_that_is_cancelled_was_not_in_vain(self, desk: Desk, store: HostileStore) -> None:
        await filled_with_beds(store.memory, LONG)

        async def cancel(after: int) -> None:
            if after == 2 * PAGE:
                task.cancel()
                await asyncio.sleep(0)

        store.before_read = cancel
        task = asyncio.create_task(desk.add_beds(1, "k"))
        with pytest.raises(asyncio.CancelledError):
            await task
        await desk.handler.idle()
        assert (LONG, LONG) == (desk.beds_believed(), len(store.memory._streams[HOUSE_STREAM])), "loaded, and no more"

    async def test_another_process_goes_on_from_the_last_snapshot_on_the_way(
        self, desk: Desk, other: Desk, store: HostileStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(loading, "SNAPSHOT_WHILE_FOLDING", 2 * PAGE)
        await filled_with_beds(store.memory, LONG)
        await _failing_after(store, 3 * PAGE)
        with pytest.raises(Unavailable):
            await desk.add_beds(1, "k")
        after: list[int] = []
        await _noting_reads(store, after)
        assert house_at(LONG + 1) == await other.add_beds(1, "k")
        assert 2 * PAGE - 1 == after[0]


async def _noting_reads(store: HostileStore, after: list[int]) -> None:
    async def note(version: int) -> None:
        after.append(version)

    store.before_read = note


async def _failing_after(store: HostileStore, version: int) -> None:
    async def fail(after: int) -> None:
        if after >= version:
            raise Unavailable("away", 0)

    store.before_read = fail


class TestLimits:
    async def test_a_snapshot_near_its_limit_is_told_once(
        self, desk: Desk, store: HostileStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setattr(limits, "MAX_SNAPSHOT_BYTES", 230)
        await filled_with_beds(store.memory, 49)
        await desk.add_beds(1, "the 50th")
        assert 1 == len(_errors(caplog, "snapshot of stream house-hill has "))
        await filled_with_beds(store.memory, 49)
        await desk.add_beds(1, "the 100th")
        snapshot = await store.snapshots.read(HOUSE_STREAM, 1)
        assert snapshot is not None
        assert 100 == snapshot.version
        assert 1 == len(_errors(caplog, ""))

    async def test_a_snapshot_beyond_its_limit_is_not_written(
        self, desk: Desk, store: HostileStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setattr(limits, "MAX_SNAPSHOT_BYTES", 100)
        await filled_with_beds(store.memory, 49)
        assert house_at(50) == await desk.add_beds(1, "the 50th")
        assert await store.snapshots.read(HOUSE_STREAM, 1) is None
        assert 1 == len(_errors(caplog, "larger one is not written"))

    async def test_a_stream_near_its_limit_is_told_once(
        self, desk: Desk, store: HostileStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setattr(loading, "MAY_BE_LARGE", 100)
        monkeypatch.setattr(limits, "MAX_STREAM_BYTES", 1_200 * 700)
        await filled_with_beds(store.memory, 899)
        await desk.add_beds(1, "the 900th")
        assert [] == _errors(caplog, "")
        for count in (149, 999):
            await filled_with_beds(store.memory, count)
            await desk.add_beds(1, f"and {count} more")
        assert 1 == len(_errors(caplog, "stream house-hill has some "))

    async def test_a_full_stream_refuses_and_says_so(
        self, desk: Desk, store: HostileStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def full(*_: object) -> None:
            raise StreamFull(HOUSE_STREAM)

        monkeypatch.setattr(store, "append", full)
        with pytest.raises(StreamFull):
            await desk.add_beds(1, "k")
        assert 1 == len(_errors(caplog, "takes no more events"))


def _errors(caplog: pytest.LogCaptureFixture, text: str) -> list[str]:
    return [each.message for each in caplog.records if each.levelno == logging.ERROR and text in each.message]
