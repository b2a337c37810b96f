"""One batch of the change feed into one rollup: in any order, repeated, with failures, by several owners at once."""

import asyncio
import random
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import turns
from engine.assembly import Surroundings
from engine.consuming.errors import TransientFailure
from engine.consuming.parked_streams.memory import MemoryParkedStreams
from engine.consuming.parked_streams.port import ParkedStream
from engine.errors import OutcomeUnknown, Throttled, Unavailable
from engine.projecting.counting.counter import Counter
from engine.projecting.counting.memory import MemoryRollupStore
from engine.projecting.counting.port import Sums
from engine.projecting.counting.rollup import LARGEST_CONTRIBUTION, SHARDS, Contribution
from engine.projecting.counting.sums import RollupReader, Span, totals
from engine.storing.events import RecordedEvent
from engine.testing.times import NOON
from tests.engine.histories import history_of
from tests.engine.projecting.tallies import Log, Tally, counted, cut
from tests.engine.toy.guest import GuestArrived, GuestInvited, GuestLeft
from tests.engine.toy.house import BedsTaken
from tests.engine.toy.read_models.house_visits import HOUSE_VISITS
from tests.engine.toy.registry import GUEST, HOUSE
from tests.engine.toy.strategies import GUEST_COMMANDS, HOUSE_COMMANDS
from tests.engine.world import services_over

HOUR = timedelta(hours=1)
DAY = Span(NOON - 12 * HOUR, NOON + 12 * HOUR)
VISIT = (GuestInvited("g-1", "hill", ()), GuestArrived("g-1", "hill"), GuestLeft("g-1", "hill", "home"))


class Rollups(MemoryRollupStore):
    """Fails where it is told to, and says which transactions it made."""

    def __init__(self) -> None:
        super().__init__()
        self.before: list[Exception] = []
        self.after: list[Exception] = []
        self.written: list[Collection[str]] = []

    async def count(self, container: str, bucket: str, additions: Mapping[str, Sums]) -> None:
        await asyncio.sleep(0)
        if self.before:
            raise self.before.pop()
        await super().count(container, bucket, additions)
        self.written.append(additions.keys())
        if self.after:
            raise self.after.pop()


class Counting:
    def __init__(self) -> None:
        self.log, self.rollups, self.parked_streams = Log(), Rollups(), MemoryParkedStreams()
        self.now = NOON
        self.reader = RollupReader(self.rollups, lambda: self.now)
        self.counter = self.another_counter()

    def another_counter(self) -> Counter:
        """Returns that of another process, over the same stores."""
        surroundings = Surroundings(clock=lambda: self.now, sleep=self._pause)
        return services_over(
            self.log.store, rollups=self.rollups, parked_streams=self.parked_streams, surroundings=surroundings
        ).counter

    async def run(self, *batches: Any) -> None:
        for batch in batches:
            await self.counter.run(HOUSE_VISITS, batch)

    async def parked(self, stream_id: str) -> ParkedStream:
        parked = await self.parked_streams.get(HOUSE_VISITS.consumer, stream_id)
        assert parked is not None
        return parked

    async def counted(self, span: Span = DAY) -> Tally:
        return await counted(self.reader, span)

    async def _pause(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def service() -> Counting:
    return Counting()


async def test_an_event_counts_in_the_minute_that_it_is_of(service: Counting) -> None:
    times = [NOON, NOON + timedelta(seconds=59), NOON + timedelta(minutes=61, seconds=1)]
    await service.run(await service.log.happened("guest-g-1", VISIT, *times))
    await service.run(await service.log.happened("house-hill", [BedsTaken("hill", "g-1", 2)], NOON))
    assert {
        (NOON, "hill", "arrivals"): 1,
        (NOON, "hill", "beds"): 2,
        (NOON + timedelta(minutes=61), "hill", "departures"): 1,
    } == await service.counted()


async def test_streams_of_other_kinds_are_not_followed() -> None:
    assert [True, True, False, False, False] == [
        HOUSE_VISITS.follows(each) for each in ("guest-g-1", "house-h", "guests-g", "greeting-guest-1", "None")
    ]


async def test_what_came_before_in_the_stream_is_looked_up_where_it_decides(service: Counting) -> None:
    """The guest was invited to another house than the one that the last event names."""
    await service.log.happened("guest-g-1", [GuestInvited("g-1", "lake", ()), VISIT[1]], NOON)
    await service.run(await service.log.happened("guest-g-1", VISIT[2:], NOON))
    assert {(NOON, "lake", "departures"): 1} == await service.counted()


async def test_a_span_ends_before_its_end(service: Counting) -> None:
    for number, minutes in enumerate((-1, 0, 1, 2)):
        time = NOON + timedelta(minutes=minutes)
        await service.run(await service.log.happened(f"guest-{number}", [GuestArrived("g", "hill")], time))
    rows = await service.reader.rows(HOUSE_VISITS, Span(NOON, NOON + timedelta(minutes=2)))
    assert [NOON, NOON + timedelta(minutes=1)] == [row.minute for row in rows]
    assert {"hill": {"arrivals": 2}} == totals(rows)


async def test_streams_of_one_batch_share_the_transactions_of_their_buckets(
    service: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A stream that is interrupted on a busy machine would come too late for its group.
    monkeypatch.setattr(turns, "_TURN", 60.0)
    batch = []
    for number in range(400):
        batch += await service.log.happened(f"guest-{number}", [GuestArrived(f"{number}", "hill")], NOON)
    await service.run(batch)
    assert SHARDS == len(service.rollups.written)
    assert all(len(batch) / SHARDS / 2 < len(each) < len(batch) / SHARDS * 2 for each in service.rollups.written)


def test_a_stream_lies_in_one_shard_for_ever() -> None:
    assert ["1~2026-01-01T12~6", "1~2026-01-01T12~4"] == [_bucket("guest-g-1"), _bucket("guest-g-2")]


def _bucket(stream_id: str) -> str:
    return HOUSE_VISITS.bucket_of(RecordedEvent(stream_id, 1, None, datetime.fromisoformat("2026-01-01T12:34:00Z")))


class TestFailures:
    async def test_an_event_that_does_not_count_parks_its_stream_alone(self, service: Counting) -> None:
        broken = await service.log.happened("guest-g-1", VISIT[1:], NOON)
        sound = await service.log.happened("guest-g-2", VISIT[:2], NOON)
        await service.run([*broken, *sound])
        parked = await service.parked("guest-g-1")
        assert ("failed", 2, "GuestLeft") == (parked.why, parked.version, parked.type)
        assert {(NOON, "hill", "arrivals"): 1} == await service.counted()

    @pytest.mark.parametrize("series", ["", "a.b", "a/b", "x" * 33], ids=["none", "dot", "slash", "long"])
    async def test_a_name_that_is_none_of_a_sum_parks_its_stream(self, service: Counting, series: str) -> None:
        rollup = replace(HOUSE_VISITS, contributions=lambda *_: [Contribution(series, "arrivals", 1)])
        await service.counter.run(rollup, await service.log.happened("guest-g-1", VISIT[:1], NOON))
        assert "no name of a sum" in (await service.parked("guest-g-1")).error

    def test_an_amount_that_json_may_round_is_refused(self) -> None:
        Contribution("a", "b", -LARGEST_CONTRIBUTION)
        with pytest.raises(ValueError, match="is beyond"):
            Contribution("a", "b", LARGEST_CONTRIBUTION + 1)

    async def test_data_that_cannot_be_read_parks_its_stream(self, service: Counting) -> None:
        items = await service.log.happened("guest-g-1", VISIT[:1], NOON)
        await service.run([{**items[0], "data": {"nonsense": 1}}])
        assert "failed" == (await service.parked("guest-g-1")).why

    async def test_an_event_that_was_rewritten_in_place_is_not_counted_again(self, service: Counting) -> None:
        items = await service.log.happened("guest-g-1", VISIT[:2], NOON)
        await service.run(items, [items[0], {**items[1], "data": {"guestId": "g-1", "houseId": "lake"}}])
        assert {(NOON, "hill", "arrivals"): 1} == await service.counted()

    async def test_a_batch_of_thousands_of_events_of_one_stream_is_counted(self, service: Counting) -> None:
        batch = []
        for _ in range(50):
            batch += await service.log.happened("house-hill", [BedsTaken("hill", "g", 2)] * 90, NOON)
        await service.run(batch, batch)
        assert {(NOON, "hill", "beds"): 9_000} == await service.counted()

    async def test_an_event_of_a_newer_build_parks_its_stream_for_that_build(self, service: Counting) -> None:
        items = await service.log.happened("guest-g-1", VISIT[:1], NOON)
        await service.run([{**items[0], "schema": 2}])
        assert "newer" == (await service.parked("guest-g-1")).why

    async def test_a_first_event_that_the_store_does_not_show_is_waited_for(self, service: Counting) -> None:
        items = await service.log.happened("guest-g-1", VISIT, NOON)
        service.log.store = Log().store
        service.counter = service.another_counter()
        with pytest.raises(TransientFailure, match="does not show event 1"):
            await service.run(items[2:])

    async def test_every_stream_of_a_transaction_that_failed_is_told(
        self, service: Counting, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(turns, "_TURN", 60.0)
        batch = []
        for number in range(100):
            batch += await service.log.happened(f"guest-{number}", [GuestArrived("g", "hill")], NOON)
        service.rollups.before = [Unavailable("away")]
        with pytest.raises(TransientFailure, match="away"):
            await service.run(batch)
        assert SHARDS - 1 == len(service.rollups.written)
        await service.run(batch)
        assert {(NOON, "hill", "arrivals"): 100} == await service.counted()

    async def test_what_is_throttled_waits_and_is_counted_once(self, service: Counting) -> None:
        batch = []
        for number in range(100):
            batch += await service.log.happened(f"guest-{number}", [GuestArrived("g", "hill")], NOON)
        service.rollups.before = [Throttled("429", 2.5)] * 3
        service.rollups.after = [Throttled("429", 2.5)]
        await service.run(batch)
        assert {(NOON, "hill", "arrivals"): 100} == await service.counted()

    async def test_a_stream_that_is_ended_while_it_writes_for_others_fails_them(self, service: Counting) -> None:
        apply = service.counter.consumer(HOUSE_VISITS).apply
        same = [each for each in range(100) if _bucket(f"guest-{each}") == _bucket("guest-0")][:2]
        batches = [await service.log.happened(f"guest-{each}", VISIT[1:2], NOON) for each in same]
        first, second = [
            asyncio.ensure_future(apply(f"guest-{each}", items)) for each, items in zip(same, batches, strict=True)
        ]
        await asyncio.sleep(0)
        first.cancel()
        with pytest.raises(Unavailable, match="was ended"):
            await second
        assert first.cancelled()
        await service.run(*batches)
        assert {(NOON, "hill", "arrivals"): 2} == await service.counted()


@given(data=st.data(), seed=st.integers(0, 2**32))
async def test_sums_do_not_depend_on_how_the_feed_delivers(data: st.DataObject, seed: int) -> None:
    """Cut into batches in any way, in any order within a transaction, with any repetition, by two owners at once.

    With failures before and after each write, times that jump between hours, and at the end the whole feed again: what
    a straight fold adds.
    """
    chance, service = random.Random(seed), Counting()
    for stream_id, aggregate, commands in (
        ("guest-g-1", GUEST, GUEST_COMMANDS),
        ("guest-g-2", GUEST, GUEST_COMMANDS),
        ("house-hill", HOUSE, HOUSE_COMMANDS),
    ):
        rest = history_of(aggregate, data.draw(st.lists(commands, max_size=12)))
        while rest:
            size = chance.randint(1, len(rest))
            times = [NOON + timedelta(minutes=chance.randint(-600, 600)) for _ in range(size)]
            await service.log.happened(stream_id, rest[:size], *times)
            rest = rest[size:]
    owners = [service.counter, service.another_counter()]
    batches = list(cut(service.log.feed(chance), chance))
    for batch in [*batches, service.log.feed(chance)]:
        service.rollups.before = [Unavailable("crashed")] * chance.randint(0, 1)
        service.rollups.after = [OutcomeUnknown("crashed")] * chance.randint(0, 2)
        while await _failed(chance.sample(owners, chance.randint(1, 2)), batch):
            pass
    assert service.log.tally() == await service.counted()


async def _failed(owners: list[Counter], batch: Any) -> bool:
    ended = await asyncio.gather(*(each.run(HOUSE_VISITS, batch) for each in owners), return_exceptions=True)
    assert all(each is None or isinstance(each, TransientFailure) for each in ended)
    return any(ended)
