"""Sums up to now, by minute or by hour: those of past hours are read once in a while."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

import pytest

from engine.projecting.counting.memory import MemoryRollupStore
from engine.projecting.counting.port import Sums
from engine.projecting.counting.recent import KEPT_FOR, RecentSums
from engine.projecting.counting.rollup import SHARDS
from engine.projecting.counting.sums import RollupReader, Row, Span, beginning_of
from engine.testing.times import NOON
from tests.engine.toy.read_models.house_visits import HOUSE_VISITS

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
HALF_PAST = NOON + 30 * MINUTE


class Rollups(MemoryRollupStore):
    """Says how many buckets it was asked for, each time."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[int] = []

    async def sums(self, container: str, buckets: Collection[str]) -> Mapping[str, Sums]:
        self.asked.append(len(buckets))
        return await super().sums(container, buckets)


class Recent:
    def __init__(self) -> None:
        self.rollups, self.now, self.seconds = Rollups(), HALF_PAST, 0.0
        self.sums = RecentSums(RollupReader(self.rollups, lambda: self.now), lambda: self.seconds)

    async def arrived(self, at: datetime, shard: int = 0, house: str = "hill") -> None:
        bucket = next(each for hour, each in HOUSE_VISITS.buckets(at, at + MINUTE) if each.endswith(f"~{shard}"))
        await self.rollups.count(
            HOUSE_VISITS.name, bucket, {f"house-{at}-{shard}~1": {f"{at.minute:02}.{house}.arrivals": 1}}
        )

    async def rows(self, step: timedelta, before: int) -> Sequence[tuple[datetime, str, int]]:
        """What arrived in the step of now and in those before it."""
        present = beginning_of(self.now, step)
        found = await self.sums.rows(HOUSE_VISITS, Span(present - before * step, present + step), step)
        return [_shown(row) for row in found]

    def waited(self, seconds: float) -> None:
        self.seconds += seconds
        self.now += timedelta(seconds=seconds)


def _shown(row: Row) -> tuple[datetime, str, int]:
    return row.minute, row.series, row.sums["arrivals"]


@pytest.fixture
def recent() -> Recent:
    return Recent()


async def test_an_hour_by_minutes_begins_where_it_should_and_ends_now(recent: Recent) -> None:
    for minutes in (-31, -30, -1, 0, 29, 30):
        await recent.arrived(NOON + minutes * MINUTE, shard=minutes % SHARDS)
    expected = [(NOON + minutes * MINUTE, "hill", 1) for minutes in (-30, -1, 0, 29, 30)]
    assert expected == await recent.rows(MINUTE, 60)


async def test_a_day_by_hours_adds_up_minutes_shards_and_tells_series_apart(recent: Recent) -> None:
    for at in (NOON - 25 * HOUR, NOON - 24 * HOUR, NOON - HOUR, NOON - MINUTE, NOON, HALF_PAST):
        await recent.arrived(at)
        await recent.arrived(at, shard=3)
    await recent.arrived(NOON, shard=5, house="lake")
    expected = [(NOON - 24 * HOUR, "hill", 2), (NOON - HOUR, "hill", 4), (NOON, "hill", 4), (NOON, "lake", 1)]
    assert expected == await recent.rows(HOUR, 24)


async def test_past_hours_are_read_once_in_a_while_and_this_hour_each_time(recent: Recent) -> None:
    await recent.rows(HOUR, 24)
    assert [24 * SHARDS, SHARDS] == sorted(recent.rollups.asked, reverse=True)
    for _ in range(3):
        recent.rollups.asked.clear()
        await recent.arrived(recent.now)
        assert (NOON, "hill", 1) in await recent.rows(HOUR, 24)
        assert [SHARDS] == recent.rollups.asked


async def test_what_counts_late_in_a_past_hour_shows_within_a_minute(recent: Recent) -> None:
    assert [] == await recent.rows(MINUTE, 60)
    late = NOON - MINUTE
    await recent.arrived(late)
    recent.waited(KEPT_FOR - 1)
    assert [] == await recent.rows(MINUTE, 60)
    recent.waited(1)
    assert [(late, "hill", 1)] == await recent.rows(MINUTE, 60)


async def test_an_hour_that_has_just_passed_is_read_at_once(recent: Recent) -> None:
    recent.now = NOON + HOUR - timedelta(seconds=2)
    await recent.arrived(recent.now)
    assert [(NOON, "hill", 1)] == await recent.rows(HOUR, 24)
    recent.waited(2)
    assert [(NOON, "hill", 1)] == await recent.rows(HOUR, 24)


async def test_windows_are_kept_side_by_side(recent: Recent) -> None:
    for _ in range(2):
        recent.rollups.asked.clear()
        await recent.rows(HOUR, 24)
        await recent.rows(MINUTE, 60)
    assert [SHARDS, SHARDS] == recent.rollups.asked


async def test_a_span_within_this_hour_asks_for_no_other(recent: Recent) -> None:
    await recent.arrived(HALF_PAST)
    assert [(HALF_PAST, "hill", 1)] == await recent.rows(MINUTE, 10)
    assert [SHARDS] == [each for each in recent.rollups.asked if each]
