"""One batch of the feed: what waits, what is parked, and that all else goes on."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from engine.consuming.defects import MANY, WITHIN
from engine.consuming.errors import TransientFailure
from engine.consuming.feed_runner import TRIES_BEFORE_PARKING
from engine.consuming.parked_streams import memory
from engine.consuming.parked_streams.port import TooManyStreams
from engine.consuming.parking import HOLE_LASTS, Defect
from engine.errors import RequestRefused, Throttled, Unavailable
from engine.storing.errors import HoleInStream, NewerEvent
from tests.engine.consuming.feed import CONSUMER, Feed


@pytest.fixture
def feed() -> Feed:
    return Feed()


def failing(*streams: str, version: int = 0, error: Exception | None = None) -> Any:
    """Fails with these streams, at any version or at this one."""

    def fails(stream_id: str, at: int) -> None:
        if stream_id in streams and version in (0, at):
            raise error or KeyError(f"{stream_id}, {at}")

    return fails


class TestParking:
    async def test_a_stream_that_fails_for_good_is_parked_and_the_others_go_on(self, feed: Feed) -> None:
        bad, good = await feed.happened("house-1", 3), await feed.happened("house-2")
        feed.fails = failing("house-1", version=2)
        await feed.deliver(*bad, *good)
        assert {"house-2": [1]} == feed.given
        parked = await feed.waits("house-1")
        assert (1, 3, "failed", TRIES_BEFORE_PARKING) == (parked.first, parked.seen, parked.why, parked.attempts)
        assert "KeyError: 'house-1, 2'" == parked.error
        assert "Traceback" in parked.trace
        assert "KeyError in tests.engine.consuming.test_feed_runner.fails" == parked.kind
        assert parked.waits_for_an_operator

    async def test_it_is_tried_again_in_place_with_pauses(self, feed: Feed) -> None:
        tries = 0

        def fails(_stream: str, _version: int) -> None:
            nonlocal tries
            tries += 1
            if tries < TRIES_BEFORE_PARKING:
                raise KeyError

        feed.fails = fails
        await feed.deliver(*await feed.happened("house-1"))
        assert ({"house-1": [1]}, [0.2, 0.4, 0.8, 1.6]) == (feed.given, feed.pauses)

    async def test_later_events_of_the_stream_are_skipped_and_seen(self, feed: Feed) -> None:
        feed.fails = failing("house-1", version=1)
        await feed.deliver(*await feed.happened("house-1"))
        await feed.deliver(*await feed.happened("house-1", 3), *await feed.happened("house-2"))
        await feed.runner.run(feed.consumer, await feed.happened("house-1"))
        assert ({"house-2": [1]}, 5) == (feed.given, (await feed.waits("house-1")).seen)

    async def test_one_that_is_free_by_now_is_handled(self, feed: Feed) -> None:
        """The index was read before another host released the stream."""
        feed.fails = failing("house-1", version=1)
        await feed.deliver(*await feed.happened("house-1"))
        skip = feed.parked.skip

        async def released_before(consumer: str, stream_id: str, version: int) -> bool:
            await feed.parked.free(consumer, await feed.waits(stream_id))
            return await skip(consumer, stream_id, version)

        feed.parked.skip = released_before  # type: ignore[method-assign]
        await feed.deliver(*await feed.happened("house-1"))
        assert {"house-1": [2]} == feed.given

    async def test_the_index_is_read_once_per_batch(self, feed: Feed) -> None:
        await feed.deliver(*[item for number in range(50) for item in await feed.happened(f"house-{number}")])
        assert 1 == feed.parked.reads

    async def test_a_batch_without_a_stream_that_it_follows_asks_for_nothing(self, feed: Feed) -> None:
        await feed.deliver()
        assert 0 == feed.parked.reads

    async def test_one_more_than_may_be_parked_is_waited_for(self, feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(memory, "MAX_STREAMS", 1)
        feed.fails = failing("house-1", "house-2")
        with pytest.raises(TooManyStreams):
            await feed.deliver(*await feed.happened("house-1"), *await feed.happened("house-2"))
        assert frozenset({"house-1"}) == await feed.ids()

    async def test_what_a_user_wrote_is_shown_to_an_operator_and_not_logged(
        self, feed: Feed, caplog: pytest.LogCaptureFixture
    ) -> None:
        """An error of another library may hold it."""
        feed.fails = failing("house-1", error=KeyError("Ada Lovelace"))
        await feed.deliver(*await feed.happened("house-1"))
        assert "Ada Lovelace" in (await feed.waits("house-1")).error
        assert "toy@1 parks stream house-1 at event 1: KeyError in " in caplog.text
        assert "Ada" not in caplog.text

    async def test_a_request_that_would_be_refused_again_parks_its_stream(self, feed: Feed) -> None:
        """A view that is too large, or whose key cannot be, is no outage."""
        feed.fails = failing("house-1", error=RequestRefused("413"))
        await feed.deliver(*await feed.happened("house-1"))
        assert "failed" == (await feed.waits("house-1")).why

    async def test_what_an_event_of_a_newer_build_is_waits_for_that_build_at_once(self, feed: Feed) -> None:
        feed.fails = failing("house-1", error=NewerEvent("house-1", 1, "BedsPainted", 2))
        await feed.deliver(*await feed.happened("house-1"))
        parked = await feed.waits("house-1")
        assert ("newer", "BedsPainted of schema 2", "BedsPainted", 1) == (
            parked.why, parked.kind, parked.type, parked.attempts,
        )  # fmt: skip
        assert ([], False) == (feed.pauses, parked.waits_for_an_operator)


class TestWaiting:
    @pytest.mark.parametrize("error", [Unavailable("away"), TransientFailure("later")])
    async def test_what_may_go_away_is_told_once_the_others_are_handled(self, feed: Feed, error: Exception) -> None:
        feed.fails = failing("house-1", error=error)
        items = [*await feed.happened("house-1"), *await feed.happened("house-2")]
        with pytest.raises(TransientFailure, match=r"toy@1 waits with stream house-1: (away|later)"):
            await feed.deliver(*items)
        assert ({"house-2": [1]}, frozenset()) == (feed.given, await feed.ids())

    async def test_a_store_of_parked_streams_that_is_away_is_waited_for(self, feed: Feed) -> None:
        async def away(*_: object) -> Any:
            raise Throttled("429", 1)

        feed.parked.index_since = away  # type: ignore[assignment, method-assign]
        with pytest.raises(TransientFailure, match="waits for what it has parked: 429"):
            await feed.deliver(*await feed.happened("house-1"))
        assert {} == feed.given

    async def test_a_hole_is_waited_for_a_minute_and_is_a_gap_then(self, feed: Feed) -> None:
        feed.fails = failing("house-1", error=HoleInStream("no event 1"))
        items = await feed.happened("house-1", 2)
        for _ in range(6):
            with pytest.raises(TransientFailure, match="no event 1"):
                await feed.deliver(items[1])
            feed.now += HOLE_LASTS / 6
        await feed.deliver(items[1])
        parked = await feed.waits("house-1")
        assert ("gap", False) == (parked.why, parked.waits_for_an_operator)

    async def test_a_hole_that_was_filled_is_another_one_later(self, feed: Feed) -> None:
        items = await feed.happened("house-1", 2)
        for pause in (HOLE_LASTS / 2, HOLE_LASTS, 100 * HOLE_LASTS):
            feed.fails = failing("house-1", error=HoleInStream("no event 1"))
            with pytest.raises(TransientFailure, match="no event 1"):
                await feed.deliver(items[1])
            feed.now += pause
            if pause < 2 * HOLE_LASTS:
                feed.fails = failing()
                await feed.deliver(items[1])


class TestDefects:
    """Many streams that fail alike say that the build has a defect."""

    async def houses(self, feed: Feed, first: int, count: int) -> list[Mapping[str, Any]]:
        return [item for n in range(first, first + count) for item in await feed.happened(f"house-{n}")]

    async def test_a_bug_that_fails_every_event_parks_nothing(self, feed: Feed) -> None:
        items = await self.houses(feed, 0, MANY)
        feed.fails = failing(*(f"house-{n}" for n in range(MANY)))
        for _ in range(20):
            with pytest.raises(Defect, match="a defect of this build"):
                await feed.deliver(*items)
            feed.now += timedelta(seconds=30)
        assert frozenset() == await feed.ids()
        feed.fails = failing()
        await feed.deliver(*items)
        assert MANY == len(feed.given)

    async def test_one_stream_fewer_is_parked(self, feed: Feed) -> None:
        feed.fails = failing(*(f"house-{n}" for n in range(MANY - 1)))
        await feed.deliver(*await self.houses(feed, 0, MANY - 1))
        assert MANY - 1 == len(await feed.ids())

    async def test_less_than_a_fifth_is_parked(self, feed: Feed) -> None:
        feed.fails = failing(*(f"house-{n}" for n in range(MANY)))
        await feed.deliver(*await self.houses(feed, 0, 5 * MANY + 1))
        assert MANY == len(await feed.ids())

    async def test_streams_that_fail_each_in_its_own_way_are_parked(self, feed: Feed) -> None:
        kinds = [type(f"Error{n}", (Exception,), {}) for n in range(MANY)]

        def fails(stream_id: str, _version: int) -> None:
            raise kinds[int(stream_id.removeprefix("house-"))]

        feed.fails = fails
        await feed.deliver(*await self.houses(feed, 0, MANY))
        assert MANY == len(await feed.ids())

    async def test_what_a_newer_build_wrote_is_no_defect(self, feed: Feed) -> None:
        feed.fails = failing(*(f"house-{n}" for n in range(MANY)), error=NewerEvent("house-1", 1, "BedsPainted", 1))
        await feed.deliver(*await self.houses(feed, 0, MANY))
        assert MANY == len(await feed.ids())

    @pytest.mark.parametrize(("between", "defect"), [(timedelta(0), True), (WITHIN, False)])
    async def test_the_last_five_minutes_count(self, feed: Feed, between: timedelta, defect: bool) -> None:
        feed.fails = failing(*(f"house-{n}" for n in range(MANY)))
        await feed.deliver(*await self.houses(feed, 0, MANY - 1))
        feed.now += between
        last = await self.houses(feed, MANY - 1, 1)
        if defect:
            with pytest.raises(Defect):
                await feed.deliver(*last)
        else:
            await feed.deliver(*last)
        assert defect == (f"house-{MANY - 1}" not in await feed.ids())

    async def test_those_parked_before_it_was_known_are_released_by_the_first_build_that_can(self, feed: Feed) -> None:
        feed.fails = failing(*(f"house-{n}" for n in range(MANY)))
        await feed.deliver(*await self.houses(feed, 0, MANY - 1))
        feed.fails = failing("house-another", error=ValueError("its own"))
        await feed.deliver(*await feed.happened("house-another"))
        feed.fails = failing(*(f"house-{n}" for n in range(MANY)), "house-another")
        with pytest.raises(Defect):
            await feed.deliver(*await self.houses(feed, MANY - 1, 1))
        assert (await feed.waits("house-0")).automatic
        assert not (await feed.waits("house-another")).automatic

        await feed.automatic.run()
        attempts = [(await feed.waits(f"house-{n}")).attempts for n in range(MANY - 1)]
        assert (MANY - 1, 1) == (len(attempts), sum(each > TRIES_BEFORE_PARKING for each in attempts)), "one is tried"
        feed.fails = failing()
        await feed.automatic.run()
        assert frozenset({"house-another"}) == await feed.ids()


class TestStrangers:
    """What a stranger's script has put into the container parks one stream at most."""

    @pytest.mark.parametrize(
        ("item", "stream_id", "seen"),
        [
            ({"id": "hello"}, "None", 0),
            ({"id": "0000000003", "streamId": None}, "None", 3),
            ({"id": "0000000003", "streamId": "house-1", "version": "3"}, "house-1", 3),
            ({"id": "x", "streamId": "house-1", "version": 3, "metadata": None}, "house-1", 0),
            ({"id": 7, "streamId": {"a": []}, "version": True}, "{'a': []}", 0),
            ({"id": "\u0661" * 10, "streamId": "a/b?#\\" + "x" * 2000, "version": -1}, "a/b?#\\" + "x" * 2000, 0),
            ({"id": "0000000001", "streamId": "house-1", "version": 10**300, "data": "x" * 10**6}, "house-1", 1),
        ],
    )
    async def test_one_stream_is_parked_and_nothing_else(
        self, feed: Feed, item: Mapping[str, Any], stream_id: str, seen: int
    ) -> None:
        from engine.storing.items import from_item

        def fails(stream: str, _version: object) -> None:
            if stream == stream_id:
                from_item(item)

        feed.fails = fails
        await feed.deliver({"version": 1, **item}, *await feed.happened("house-2"))
        parked = await feed.waits(stream_id)
        assert ({"house-2": [1]}, frozenset({stream_id})) == (feed.given, await feed.ids())
        assert (max(seen, 1) if seen else 1, seen, "failed") == (parked.first, parked.seen, parked.why)
        assert len(parked.error) <= 2_000
        assert len(parked.trace) <= 20_000
        assert CONSUMER == feed.consumer.name
