"""A parked stream is released: in order, from where it waits to its newest event, however often it is interrupted."""

from dataclasses import replace
from datetime import timedelta

import pytest

from engine.consuming.parked_streams.automatic import AutomaticReleases
from engine.errors import Unavailable
from engine.storing.errors import HoleInStream, NewerEvent
from engine.storing.port import PAGE
from tests.engine.consuming.feed import CONSUMER, Feed
from tests.engine.consuming.test_feed_runner import failing


@pytest.fixture
async def feed() -> Feed:
    """Stream `house-1` is parked at its second event, and has three."""
    feed = Feed()
    items = await feed.happened("house-1", 3)
    await feed.deliver(items[0])
    feed.fails = failing("house-1", version=2)
    await feed.deliver(items[1])
    await feed.deliver(items[2])
    feed.given.clear()
    return feed


def nobody(_: int) -> None:
    pass


async def test_everything_from_there_on_is_handled_and_the_stream_is_free(feed: Feed) -> None:
    feed.fails = failing()
    released = await feed.release.stream(feed.consumer, "house-1", nobody)
    assert ((2, None), {"house-1": [2, 3]}, frozenset()) == (
        (released.handled, released.error), feed.given, await feed.ids(),
    )  # fmt: skip
    await feed.deliver(*await feed.happened("house-1"))
    assert {"house-1": [2, 3, 4]} == feed.given


async def test_one_that_is_free_already_has_nothing_to_do(feed: Feed) -> None:
    released = await feed.release.stream(feed.consumer, "house-2", nobody)
    assert (0, None) == (released.handled, released.error)


async def test_one_that_fails_again_says_how(feed: Feed) -> None:
    before = await feed.waits("house-1")
    feed.fails = failing("house-1", version=3, error=ValueError("another"))
    released = await feed.release.stream(feed.consumer, "house-1", nobody)
    now = await feed.waits("house-1")
    assert "ValueError: another" == released.error == now.error
    assert (before.attempts + 1, before.first, before.seen, before.at) == (now.attempts, now.first, now.seen, now.at)


async def test_while_something_is_away_it_stays_as_it_is(feed: Feed) -> None:
    before = await feed.waits("house-1")
    feed.fails = failing("house-1", error=Unavailable("away"))
    with pytest.raises(Unavailable):
        await feed.release.stream(feed.consumer, "house-1", nobody)
    assert before == await feed.waits("house-1")


async def test_what_is_skipped_between_the_last_look_and_the_end_is_handled(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_head, late = feed.store.is_head, [4, 5]

    async def then_something_comes(stream_id: str, version: int) -> bool:
        answer = await is_head(stream_id, version)
        if late and answer:
            late.pop()
            await feed.deliver(*await feed.happened("house-1"))
        return answer

    monkeypatch.setattr(feed.store, "is_head", then_something_comes)
    feed.fails = failing()
    released = await feed.release.stream(feed.consumer, "house-1", nobody)
    assert (4, {"house-1": [2, 3, 4, 5]}) == (released.handled, feed.given)


async def test_a_stream_that_has_lost_what_was_seen_is_freed_and_begins_there(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store was restored; and while the release ends, an event takes the place of a lost one."""
    feed.fails = failing()
    feed.store.lose("house-1", after=2)
    is_head, late = feed.store.is_head, [3]

    async def then_something_comes(stream_id: str, version: int) -> bool:
        answer = await is_head(stream_id, version)
        if late and answer:
            late.pop()
            await feed.deliver(*await feed.happened("house-1"))
        return answer

    monkeypatch.setattr(feed.store, "is_head", then_something_comes)
    await feed.release.stream(feed.consumer, "house-1", nobody)
    assert ({"house-1": [2, 3]}, frozenset()) == (feed.given, await feed.ids())


async def test_fifty_thousand_events_are_handled_in_pages_and_an_interruption_goes_on_there() -> None:
    feed = Feed()
    items = await feed.happened("house-1", 50_000)
    feed.fails = failing("house-1", version=1)
    await feed.deliver(items[0])
    for at in range(1, 50_000, 5_000):
        await feed.deliver(*items[at : at + 5_000])
    feed.fails = failing("house-1", version=20_500, error=Unavailable("away"))
    told: list[int] = []
    with pytest.raises(Unavailable):
        await feed.release.stream(feed.consumer, "house-1", told.append)
    assert ([PAGE * number for number in range(1, 21)], 20_001) == (told, (await feed.waits("house-1")).first)
    feed.fails = failing()
    released = await feed.release.stream(feed.consumer, "house-1", told.append)
    assert (30_000, list(range(1, 50_001))) == (released.handled, feed.given["house-1"])
    assert frozenset() == await feed.ids()


class TestUnasked:
    async def test_what_waits_for_an_operator_is_left(self, feed: Feed) -> None:
        feed.fails = failing()
        await feed.automatic.run()
        assert ({}, frozenset({"house-1"})) == (feed.given, await feed.ids())

    async def test_a_gap_that_is_filled_is_released(self, feed: Feed) -> None:
        await feed.parked.replace(CONSUMER, replace(await feed.waits("house-1"), why="gap"))
        feed.fails = failing("house-1", error=HoleInStream("no event 2"))
        await feed.automatic.run()
        assert "gap" == (await feed.waits("house-1")).why
        feed.fails = failing()
        await feed.automatic.run()
        assert frozenset() == await feed.ids()

    async def test_each_gap_is_tried_and_of_the_newer_ones_one_of_a_kind(self) -> None:
        feed, tried = Feed(), set[str]()
        newer = {f"house-{n}": NewerEvent(f"house-{n}", 1, f"Painted{n % 2}", 1) for n in range(6)}
        gaps = {f"house-{n}": HoleInStream("hole") for n in range(6, 9)}

        def fails(stream_id: str, _version: int) -> None:
            tried.add(stream_id)
            raise {**newer, **gaps}[stream_id]

        feed.fails = fails
        for stream_id in (*newer, *gaps):
            items = await feed.happened(stream_id)
            with pytest.MonkeyPatch.context() as patched:
                patched.setattr("engine.consuming.parking.HOLE_LASTS", timedelta(0))
                await feed.deliver(*items)
        tried.clear()
        await feed.automatic.run()
        assert {"house-0", "house-1", *gaps} == tried

    async def test_what_the_newer_build_fails_at_waits_for_an_operator(self, feed: Feed) -> None:
        await feed.parked.replace(CONSUMER, replace(await feed.waits("house-1"), why="newer", kind="Painted of 1"))
        await feed.automatic.run()
        assert (await feed.waits("house-1")).waits_for_an_operator

    async def test_one_whose_store_is_away_keeps_no_other_one(self, feed: Feed) -> None:
        await feed.parked.replace(CONSUMER, replace(await feed.waits("house-1"), automatic=True))
        await feed.deliver(*await feed.happened("house-2"))
        feed.fails = failing("house-2", error=NewerEvent("house-2", 2, "Painted", 1))
        await feed.deliver(*await feed.happened("house-2"))
        feed.fails = failing("house-1", error=Unavailable("away"))
        await AutomaticReleases(feed.release, [feed.consumer]).run()
        assert frozenset({"house-1"}) == await feed.ids()
