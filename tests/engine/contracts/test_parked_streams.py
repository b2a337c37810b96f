"""What every store of parked streams promises."""

import asyncio
import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from engine.consuming.parked_streams import cosmos, memory
from engine.consuming.parked_streams.port import NOTHING_KNOWN, ParkedStream, ParkedStreams, TooManyStreams
from engine.testing.times import NOON
from tests.engine.contracts.conftest import Adapters

ODD = 'a/b\\c?d#e "ü" \u2028' + "x" * 500
MOST_LOOKS = 200


@pytest.fixture
def consumer() -> str:
    return f"toy@{uuid.uuid4()}"


def stream(stream_id: str = "guest-1", **others: Any) -> ParkedStream:
    at = NOON + timedelta(microseconds=120)
    parked = ParkedStream(stream_id, 3, 5, 4, "Left", "failed", "KeyError in toy", "KeyError: ü", "trace …\n", 5, at)
    return replace(parked, **others)


async def there(store: ParkedStreams, consumer: str, stream_id: str = "guest-1") -> ParkedStream:
    parked = await store.get(consumer, stream_id)
    assert parked is not None
    return parked


async def shown(store: ParkedStreams, consumer: str, expected: int) -> Sequence[ParkedStream]:
    """The replica that is asked may lag, and catches up."""
    found: Sequence[ParkedStream] = []
    for _ in range(MOST_LOOKS):
        found = await store.all(consumer)
        if len(found) == expected:
            break
    return found


class TestParking:
    async def test_nothing_is_parked_at_first(self, adapters: Adapters, consumer: str) -> None:
        store = adapters.parked_streams
        assert NOTHING_KNOWN == await store.index(consumer) == await store.index_since(consumer, NOTHING_KNOWN)
        assert (None, []) == (await store.get(consumer, "guest-1"), list(await store.all(consumer)))
        assert not await store.skip(consumer, "guest-1", 3)
        assert await store.move_on(consumer, "guest-1", 3) is None
        assert not await store.replace(consumer, stream())
        assert await store.free(consumer, stream())

    @pytest.mark.parametrize("stream_id", ["guest-1", "streams", "None", ODD])
    async def test_everybody_knows_of_a_parked_stream_at_once(
        self, adapters: Adapters, consumer: str, stream_id: str
    ) -> None:
        await adapters.parked_streams.park(consumer, stream(stream_id))
        for store in (adapters.parked_streams, adapters.parked_streams_peer):
            assert frozenset({stream_id}) == (await store.index(consumer)).stream_ids
            assert stream(stream_id) == await store.get(consumer, stream_id)
        assert [stream(stream_id, trace="")] == list(await shown(adapters.parked_streams_peer, consumer, 1))

    async def test_no_more_are_read_than_are_asked_for(self, adapters: Adapters, consumer: str) -> None:
        for number in range(5):
            await adapters.parked_streams.park(consumer, stream(f"guest-{number}"))
        await shown(adapters.parked_streams, consumer, 5)
        found = [each.stream_id for each in await adapters.parked_streams.all(consumer, 3)]
        assert (3, sorted(set(found))) == (len(found), found)

    async def test_consumers_do_not_know_each_other(self, adapters: Adapters, consumer: str) -> None:
        store = adapters.parked_streams
        await store.park(consumer, stream("guest-1"))
        await store.park(f"{consumer}-too", stream("guest-2"))
        assert frozenset({"guest-1"}) == (await store.index(consumer)).stream_ids
        assert not await store.skip(consumer, "guest-2", 9)
        assert ["guest-1"] == [each.stream_id for each in await shown(store, consumer, 1)]

    async def test_the_first_failure_stays_and_what_comes_later_is_seen(
        self, adapters: Adapters, consumer: str
    ) -> None:
        await adapters.parked_streams.park(consumer, stream())
        await adapters.parked_streams_peer.park(consumer, stream(first=1, seen=7, error="another"))
        assert stream(seen=7) == await adapters.parked_streams.get(consumer, "guest-1")

    async def test_the_same_index_is_not_sent_again_and_a_change_shows(self, adapters: Adapters, consumer: str) -> None:
        store = adapters.parked_streams
        await store.park(consumer, stream())
        index = await store.index(consumer)
        for _ in range(MOST_LOOKS):
            if (since := await store.index_since(consumer, index)) is index:
                break
        assert index == since
        await adapters.parked_streams_peer.park(consumer, stream("guest-2"))
        for _ in range(MOST_LOOKS):
            if (since := await store.index_since(consumer, index)) != index:
                break
        assert frozenset({"guest-1", "guest-2"}) == since.stream_ids

    async def test_there_is_a_most_and_what_is_parked_already_is_skipped(
        self, adapters: Adapters, consumer: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for module in (cosmos, memory):
            monkeypatch.setattr(module, "MAX_STREAMS", 2)
        store = adapters.parked_streams
        for stream_id in ("guest-1", "guest-2", "guest-1"):
            await store.park(consumer, stream(stream_id))
        with pytest.raises(TooManyStreams, match="has parked"):
            await store.park(consumer, stream("guest-3"))
        assert await store.get(consumer, "guest-3") is None

    async def test_several_that_park_at_once_lose_nothing(self, adapters: Adapters, consumer: str) -> None:
        stores = (adapters.parked_streams, adapters.parked_streams_peer) * 3
        parking = [store.park(consumer, stream(f"guest-{number}")) for number, store in enumerate(stores)]
        await asyncio.gather(*parking, *(store.park(consumer, stream("guest-0")) for store in stores[:2]))
        index = await adapters.parked_streams.index(consumer)
        assert {f"guest-{number}" for number in range(6)} == index.stream_ids


class TestSkipping:
    async def test_the_newest_version_is_seen_whatever_comes_again(self, adapters: Adapters, consumer: str) -> None:
        await adapters.parked_streams.park(consumer, stream())
        for version, seen in ((4, 5), (5, 5), (0, 5), (9, 9), (6, 9)):
            assert await adapters.parked_streams_peer.skip(consumer, "guest-1", version)
            assert seen == (await there(adapters.parked_streams, consumer)).seen


class TestReleasing:
    async def test_it_is_free_for_everybody_at_once(self, adapters: Adapters, consumer: str) -> None:
        store = adapters.parked_streams
        await store.park(consumer, stream())
        await store.park(consumer, stream("guest-2"))
        parked = await there(store, consumer)
        assert await store.free(consumer, parked)
        assert await store.free(consumer, parked), "it is safe to repeat"
        assert not await adapters.parked_streams_peer.skip(consumer, "guest-1", 6)
        assert frozenset({"guest-2"}) == (await adapters.parked_streams_peer.index(consumer)).stream_ids

    async def test_it_is_not_free_while_something_new_is_seen(self, adapters: Adapters, consumer: str) -> None:
        await adapters.parked_streams.park(consumer, stream())
        parked = await there(adapters.parked_streams, consumer)
        assert await adapters.parked_streams_peer.skip(consumer, "guest-1", 6)
        assert not await adapters.parked_streams.free(consumer, parked)
        assert stream(seen=6) == await adapters.parked_streams.get(consumer, "guest-1")
        assert await adapters.parked_streams.free(consumer, await there(adapters.parked_streams, consumer))

    async def test_one_that_is_parked_again_is_another(self, adapters: Adapters, consumer: str) -> None:
        store = adapters.parked_streams
        await store.park(consumer, stream())
        parked = await there(store, consumer)
        await store.free(consumer, parked)
        await store.park(consumer, stream())
        assert not await store.free(consumer, parked)
        assert not await store.replace(consumer, parked)

    async def test_how_far_it_has_come_is_kept_and_never_taken_back(self, adapters: Adapters, consumer: str) -> None:
        await adapters.parked_streams.park(consumer, stream())
        for first, expected in ((1003, 1003), (4, 1003), (1003, 1003)):
            moved = await adapters.parked_streams_peer.move_on(consumer, "guest-1", first)
            assert stream(first=expected) == moved
        assert await adapters.parked_streams.free(consumer, await there(adapters.parked_streams_peer, consumer))

    async def test_how_it_waits_is_replaced_unless_it_has_changed(self, adapters: Adapters, consumer: str) -> None:
        store = adapters.parked_streams
        await store.park(consumer, stream())
        parked = await there(store, consumer)
        again = replace(parked, error="again", attempts=6, seen=4, why="newer", automatic=True)
        assert await store.replace(consumer, again)
        assert again == await adapters.parked_streams_peer.get(consumer, "guest-1")
        assert not await store.replace(consumer, parked)
        assert again == await store.get(consumer, "guest-1")

    async def test_others_that_park_meanwhile_do_not_keep_it(self, adapters: Adapters, consumer: str) -> None:
        await adapters.parked_streams.park(consumer, stream())
        parked = await there(adapters.parked_streams, consumer)
        others = [adapters.parked_streams_peer.park(consumer, stream(f"guest-{number}")) for number in range(2, 5)]
        freed, *_ = await asyncio.gather(adapters.parked_streams.free(consumer, parked), *others)
        assert freed
        index = await adapters.parked_streams.index(consumer)
        assert {"guest-2", "guest-3", "guest-4"} == index.stream_ids
