"""What every event store promises."""

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from engine.errors import RequestRefused
from engine.storing.errors import AppendTooLarge, HistoryLost, WrongExpectedVersion
from engine.storing.events import Metadata, StoredEvent, time_at_rest
from engine.storing.items import to_item
from engine.storing.pages import pages
from engine.storing.port import MOST_STREAMS, PAGE, Appended, EventStore, Head
from engine.storing.snapshots import Snapshot
from engine.testing.times import NOON
from tests.engine.contracts.conftest import Adapters

NOTHING = Head(0, "")


@pytest.fixture
def stream() -> str:
    return f"guest-{uuid.uuid4()}"


def event(stream_id: str, version: int, *, command: str = "", index: int = 0, text: str = "") -> StoredEvent:
    command = command or f"command-{version}"
    metadata = Metadata(f"{stream_id}/{version}/{command}", NOON, "c", "c", "t", "a", "f")
    return StoredEvent(stream_id, version, "Happened", 1, f"{command}/{index}", {"text": text}, metadata)


def head(events: Sequence[StoredEvent]) -> Head:
    return Head(events[-1].version, events[-1].metadata.event_id)


async def filled(store: EventStore, stream_id: str, count: int) -> list[StoredEvent]:
    events: list[StoredEvent] = []
    for version in range(1, count + 1):
        await store.append(stream_id, head(events) if events else NOTHING, [event(stream_id, version)])
        events.append(event(stream_id, version))
    return events


async def long_stream(store: EventStore, stream_id: str, count: int) -> list[StoredEvent]:
    events: list[StoredEvent] = []
    while len(events) < count:
        some = range(min(80, count - len(events)))
        more = [event(stream_id, len(events) + 1 + n, command=f"k-{len(events)}", index=n) for n in some]
        await store.append(stream_id, head(events) if events else NOTHING, more)
        events += more
    return events


def without_system_properties(item: Mapping[str, Any]) -> Mapping[str, Any]:
    return {name: value for name, value in item.items() if not name.startswith("_")}


async def streams_of(store: EventStore, command_id: str, count: int) -> list[str]:
    """The replicas that are asked may lag, and catch up."""
    found = list(await store.streams_of(command_id))
    for _ in range(100):
        if len(found) == count:
            break
        found = list(await store.streams_of(command_id))
    return found


class TestAppending:
    async def test_what_was_appended_is_read_in_order(self, adapters: Adapters, stream: str) -> None:
        events = await filled(adapters.store, stream, 3)
        assert events == list(await adapters.store.read(stream))
        assert events[1:] == list(await adapters.store.read(stream, 1))
        assert [] == list(await adapters.store.read(stream, 3))

    async def test_several_events_are_one_transaction(self, adapters: Adapters, stream: str) -> None:
        first = [event(stream, version, command="k", index=version - 1) for version in (1, 2, 3)]
        assert Appended(history_intact=True) == await adapters.store.append(stream, NOTHING, first)
        second = [event(stream, 4), event(stream, 5, command="k", index=0)]
        with pytest.raises(WrongExpectedVersion):
            await adapters.store.append(stream, head(first), second)
        assert first == list(await adapters.store.read(stream))

    async def test_two_writers_never_both_win(self, adapters: Adapters, stream: str) -> None:
        events = await filled(adapters.store, stream, 1)
        outcomes = await asyncio.gather(
            *(
                store.append(stream, head(events), [event(stream, 2, command=f"k-{n}")])
                for n, store in enumerate([adapters.store, adapters.peer] * 4)
            ),
            return_exceptions=True,
        )
        assert 1 == sum(isinstance(outcome, Appended) for outcome in outcomes)
        assert 7 == sum(isinstance(outcome, WrongExpectedVersion) for outcome in outcomes)
        assert [1, 2] == [each.version for each in await adapters.store.read(stream)]

    async def test_an_older_version_than_the_head_is_refused(self, adapters: Adapters, stream: str) -> None:
        events = await filled(adapters.store, stream, 3)
        with pytest.raises(WrongExpectedVersion):
            await adapters.store.append(stream, head(events[:1]), [event(stream, 2, command="late")])

    async def test_a_command_takes_effect_once_on_its_stream(self, adapters: Adapters, stream: str) -> None:
        events = await filled(adapters.store, stream, 2)
        with pytest.raises(WrongExpectedVersion):
            await adapters.store.append(stream, head(events), [event(stream, 3, command="command-1")])
        elsewhere = f"{stream}-2"
        assert await adapters.store.append(elsewhere, NOTHING, [event(elsewhere, 1, command="command-1")])

    async def test_a_version_beyond_the_head_means_that_history_was_lost(self, adapters: Adapters, stream: str) -> None:
        with pytest.raises(HistoryLost):
            await adapters.store.append(stream, Head(5, "e"), [event(stream, 6)])

    async def test_another_event_at_the_expected_version_is_told(self, adapters: Adapters, stream: str) -> None:
        await filled(adapters.store, stream, 1)
        assert Appended(history_intact=False) == await adapters.store.append(
            stream, Head(1, "another event"), [event(stream, 2)]
        )

    async def test_99_events_are_one_transaction_and_100_are_too_many(self, adapters: Adapters, stream: str) -> None:
        events = await filled(adapters.store, stream, 1)
        many = [event(stream, 2 + n, command="k", index=n) for n in range(100)]
        with pytest.raises(AppendTooLarge):
            await adapters.store.append(stream, head(events), many)
        await adapters.store.append(stream, head(events), many[:99])
        assert 100 == len(await adapters.store.read(stream))

    async def test_events_that_are_larger_than_a_request_are_refused_as_a_whole(
        self, adapters: Adapters, stream: str
    ) -> None:
        many = [event(stream, 1 + n, command="k", index=n, text="x" * 150_000) for n in range(20)]
        with pytest.raises(AppendTooLarge):
            await adapters.store.append(stream, NOTHING, many)
        assert [] == list(await adapters.store.read(stream))

    @pytest.mark.parametrize(
        "text", ["", "2026-01-02T03:04:05.000Z", "/Date(1700000000000)/", "Käfer 漢字 \u2028 \x00 \U0001f600 \"\\/'"]
    )
    async def test_a_text_comes_back_as_it_was(self, adapters: Adapters, stream: str, text: str) -> None:
        await adapters.store.append(stream, NOTHING, [event(stream, 1, text=text)])
        assert text == (await adapters.store.read(stream))[0].data["text"]


class TestReading:
    async def test_a_stream_without_events_is_empty(self, adapters: Adapters, stream: str) -> None:
        assert [] == list(await adapters.store.read(stream))

    async def test_an_instance_reads_its_own_writes(self, adapters: Adapters, stream: str) -> None:
        """A replica may lag, but never behind what this instance has written, in a batch or in a refused one."""
        events: list[StoredEvent] = []
        for version in range(1, 25):
            await adapters.store.append(stream, head(events) if events else NOTHING, [event(stream, version)])
            events.append(event(stream, version))
            assert events == list(await adapters.store.read(stream))

    async def test_after_a_conflict_an_instance_sees_what_it_ran_into(self, adapters: Adapters, stream: str) -> None:
        for round_ in range(12):
            stream_id = f"{stream}-{round_}"
            events = await filled(adapters.store, stream_id, 1)
            await adapters.peer.append(stream_id, head(events), [event(stream_id, 2)])
            with pytest.raises(WrongExpectedVersion):
                await adapters.store.append(stream_id, head(events), [event(stream_id, 2, command="late")])
            assert [2] == [each.version for each in await adapters.store.look_up(stream_id, 1, ["late"])]

    async def test_a_look_up_finds_the_tail_and_the_command(self, adapters: Adapters, stream: str) -> None:
        await filled(adapters.store, stream, 5)
        found = await adapters.store.look_up(stream, 3, ["command-1"])
        assert [1, 4, 5] == [each.version for each in found]
        assert [] == list(await adapters.store.look_up(stream, 5, ["command", "other"]))
        found = await adapters.store.look_up(stream, 5, ["command-4", "other", "command-2"])
        assert [2, 4] == [each.version for each in found]

    async def test_the_events_of_commands_are_found_however_old_they_are(self, adapters: Adapters, stream: str) -> None:
        events = await long_stream(adapters.store, stream, PAGE + 200)
        first, last = events[0].command_id, events[-1].command_id
        expected = [each for each in events if each.command_id in (first, last)]
        assert expected == list(await adapters.store.of_commands(stream, [last, "other", first]))
        assert [] == list(await adapters.store.of_commands(stream, ["k"]))
        assert [] == list(await adapters.store.of_commands(stream, []))
        assert [] == list(await adapters.store.of_commands(f"{stream}-2", [first]))

    async def test_a_command_is_found_by_its_id_alone(self, adapters: Adapters, stream: str) -> None:
        own, elsewhere = f"own-{stream}", f"{stream}-2"
        await filled(adapters.store, stream, 2)
        some = [event(elsewhere, 1, command=own), event(elsewhere, 2, command=own, index=1)]
        await adapters.store.append(elsewhere, NOTHING, some)
        assert [elsewhere] == await streams_of(adapters.peer, own, 1)
        assert [] == list(await adapters.store.streams_of(own[:-1]))
        assert [] == list(await adapters.store.streams_of("no such command"))

    async def test_of_a_command_that_is_in_many_streams_some_are_found(self, adapters: Adapters, stream: str) -> None:
        streams = [f"{stream}-{number:02}" for number in range(MOST_STREAMS + 2)]
        for each in streams:
            await adapters.store.append(each, NOTHING, [event(each, 1, command=f"copied-{stream}")])
        found = await streams_of(adapters.peer, f"copied-{stream}", MOST_STREAMS)
        assert (MOST_STREAMS, True) == (len(found), set(found) < set(streams))

    async def test_the_items_of_a_stream_are_as_they_lie_in_the_store(self, adapters: Adapters, stream: str) -> None:
        events = await filled(adapters.store, stream, 3)
        found = await adapters.store.items(stream)
        assert list(map(to_item, events)) == list(map(without_system_properties, found))
        second = await adapters.store.items(stream, "0000000001", 1)
        assert ["0000000002"] == [item["id"] for item in second]
        assert [] == list(await adapters.store.items(f"{stream}-2"))

    async def test_the_head_is_what_the_primary_says(self, adapters: Adapters, stream: str) -> None:
        assert await adapters.peer.is_head(stream, 0)
        await filled(adapters.store, stream, 2)
        assert not await adapters.peer.is_head(stream, 0)
        assert not await adapters.peer.is_head(stream, 1)
        assert await adapters.peer.is_head(stream, 2)

    async def test_after_the_primary_spoke_a_read_sees_what_it_saw(self, adapters: Adapters, stream: str) -> None:
        for round_ in range(12):
            stream_id = f"{stream}-{round_}"
            await filled(adapters.store, stream_id, 1)
            assert not await adapters.peer.is_head(stream_id, 0)
            assert 1 == len(await adapters.peer.read(stream_id))

    async def test_a_long_stream_is_read_in_pages(self, adapters: Adapters, stream: str) -> None:
        events = await long_stream(adapters.store, stream, PAGE + 200)
        assert events[:PAGE] == list(await adapters.store.read(stream))
        assert events[PAGE:] == list(await adapters.store.read(stream, PAGE))
        assert events[5:7] == list(await adapters.store.read(stream, 5, 2))
        assert events == [each async for page in pages(adapters.store, stream) for each in page]
        assert events[5:1_005] == [each async for page in pages(adapters.store, stream, 5, 1_005) for each in page]

    async def test_a_look_up_of_a_long_tail_finds_its_beginning_and_the_command(
        self, adapters: Adapters, stream: str
    ) -> None:
        events = await long_stream(adapters.store, stream, PAGE + 200)
        own = events[-1].command_id
        expected = events[10 : 10 + PAGE] + [each for each in events[10 + PAGE :] if each.command_id == own]
        assert expected == list(await adapters.store.look_up(stream, 10, [own]))

    async def test_the_newest_events_are_read_from_the_end(self, adapters: Adapters, stream: str) -> None:
        events = await filled(adapters.store, stream, 5)
        assert events[-2:] == list(await adapters.store.newest(stream, 2))
        assert events == list(await adapters.store.newest(stream, 10))


class TestStreams:
    async def test_streams_that_have_come_to_a_version_are_found_page_by_page(
        self, adapters: Adapters, stream: str
    ) -> None:
        category, _, entity = stream.replace("guest", f"guest{uuid.uuid4().hex}").partition("-")
        sizes = {f"{category}-{entity}-{number}": 1 + number % 3 for number in range(7)}
        for stream_id, size in sizes.items():
            await filled(adapters.store, stream_id, size)
        for version in (1, 2, 3, 4):
            expected = {stream_id for stream_id, size in sizes.items() if size >= version}
            found: list[Mapping[str, Any]] = []
            async with asyncio.timeout(60):
                # Replicas may lag.
                while expected != {each["streamId"] for each in found}:
                    found = await _all_streams(adapters.store, version, category)
            assert len(expected) == len(found)
            for each in found:
                assert (version, "Happened", time_at_rest(NOON)) == (each["version"], each["type"], each["occurredAt"])
                assert "data" not in each
        assert [] == await _all_streams(adapters.store, 1, f"{category}x")

    async def test_a_continuation_that_is_none_is_refused(self, adapters: Adapters, stream: str) -> None:
        await filled(adapters.store, stream, 1)
        with pytest.raises(RequestRefused):
            await adapters.store.streams(1, None, 10, "nonsense")


async def _all_streams(store: EventStore, version: int, category: str) -> list[Mapping[str, Any]]:
    page = await store.streams(version, category, 2)
    found = [*page.items]
    while page.continuation is not None:
        page = await store.streams(version, category, 2, page.continuation)
        assert len(page.items) <= 2
        found += page.items
    return found


class TestSnapshots:
    async def test_a_snapshot_comes_back_and_is_replaced(self, adapters: Adapters, stream: str) -> None:
        assert await adapters.snapshots.read(stream, 1) is None
        first = Snapshot(stream, 1, 50, "e-50", NOON, "Happened", {"beds": 1, "taken": {"g/1 ü": 2}})
        await adapters.snapshots.write(first)
        second = replace(first, version=100, event_id="e-100")
        await adapters.snapshots.write(second)
        assert second == await adapters.snapshots.read(stream, 1)
        assert await adapters.snapshots.read(stream, 2) is None

    async def test_all_snapshots_of_a_stream_are_deleted(self, adapters: Adapters, stream: str) -> None:
        for fold, its_stream in ((1, stream), (2, stream), (1, f"{stream}-2")):
            await adapters.snapshots.write(Snapshot(its_stream, fold, 50, "e-50", NOON, "Happened", {}))
        for _ in range(2):
            await adapters.snapshots.delete(stream)
        assert [None, None] == [await adapters.snapshots.read(stream, fold) for fold in (1, 2)]
        assert await adapters.snapshots.read(f"{stream}-2", 1) is not None
