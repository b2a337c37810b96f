"""Sums are compared with the markers that their counter had counted when it was read, and with no others."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from engine.projecting.counting.memory import MemoryRollupStore
from engine.projecting.counting.rollup import marker_of
from engine.storing.events import RecordedEvent
from engine.testing.times import NOON
from engine.verifying.findings import Finding
from engine.verifying.spill import Spill
from engine.verifying.stream import SumFold
from engine.verifying.sums import check_sums, keep_sums
from tests.engine.toy.guest import GuestArrived
from tests.engine.toy.read_models.house_visits import HOUSE_VISITS

STREAM = "guest-g-1"
EVENTS = [RecordedEvent(STREAM, version, GuestArrived("g-1", "hill"), NOON) for version in (1, 2)]
BUCKET = HOUSE_VISITS.bucket_of(EVENTS[0])


@pytest.fixture
def spill(tmp_path: Path) -> Iterator[Spill]:
    spill = Spill(tmp_path / "spill")
    yield spill
    spill.close()


def counter(arrivals: int, lsn: int) -> Mapping[str, Any]:
    return {"id": BUCKET, "bucket": BUCKET, "sums": {"00.hill.arrivals": arrivals}, "billions": {}, "_lsn": lsn}


def marker(event: RecordedEvent[Any], lsn: int) -> Mapping[str, Any]:
    return {"id": marker_of(event), "bucket": BUCKET, "_lsn": lsn}


async def found(
    spill: Spill,
    *items: Mapping[str, Any],
    handled_before: float | None = None,
    sums: Mapping[str, int] | None = None,
    events: Sequence[RecordedEvent[Any]] = EVENTS,
) -> list[str]:
    """`sums` are what the store says afterwards of the bucket, if anything."""
    findings: list[Finding] = []
    keep_sums(spill, [HOUSE_VISITS], items)
    fold = SumFold(HOUSE_VISITS, spill.count_marked, findings.append)
    for event in events:
        fold.apply(event, 100)
    fold.end(STREAM, 2, handled_before)
    rollups = MemoryRollupStore()
    if sums is not None:
        await rollups.count(HOUSE_VISITS.name, BUCKET, {"any": sums})
    await check_sums(spill, rollups, findings.append)
    return [each.kind for each in findings]


async def test_what_was_counted_after_the_counter_was_read_is_not_held_against_it(spill: Spill) -> None:
    assert [] == await found(spill, counter(1, 5), marker(EVENTS[0], 5), marker(EVENTS[1], 6))


async def test_a_counter_that_was_read_again_counts_as_it_was_last(spill: Spill) -> None:
    items = [counter(1, 5), marker(EVENTS[0], 5), counter(2, 6), marker(EVENTS[1], 6)]
    assert [] == await found(spill, *items)


async def test_a_counter_that_says_too_little_or_too_much_is_found(spill: Spill) -> None:
    assert ["view-differs"] == await found(spill, counter(1, 6), marker(EVENTS[0], 5), marker(EVENTS[1], 6))


@pytest.mark.parametrize(("handled_before", "expected"), [(None, []), (100, []), (101, ["view-behind"])])
async def test_an_event_that_is_not_counted_is_found_where_its_consumer_has_gone_past_it(
    spill: Spill, handled_before: float | None, expected: list[str]
) -> None:
    assert expected == await found(spill, counter(1, 5), marker(EVENTS[0], 5), handled_before=handled_before)


async def test_another_generation_is_left_out(spill: Spill) -> None:
    other = BUCKET.replace("1~", "2~", 1)
    assert [] == await found(spill, {**counter(7, 5), "id": other, "bucket": other})


async def test_events_that_were_counted_beyond_the_walk_are_read(spill: Spill) -> None:
    keep_sums(spill, [HOUSE_VISITS], [marker(EVENTS[1], 6)])
    assert [(STREAM, 0, 2)] == list(spill.streams_ahead())


async def test_a_counter_that_says_more_than_it_has_markers_for_is_found(spill: Spill) -> None:
    assert ["view-differs"] == await found(spill, counter(3, 7))


async def test_a_counter_that_was_changed_after_the_walk_says_nothing_of_what_was_walked(spill: Spill) -> None:
    assert [] == await found(spill, marker(EVENTS[0], 5), marker(EVENTS[1], 6), sums={"00.hill.arrivals": 3})


async def test_a_counter_that_was_deleted_is_found(spill: Spill) -> None:
    assert ["view-differs"] == await found(spill, marker(EVENTS[0], 5), marker(EVENTS[1], 6))


async def test_a_counter_that_nobody_can_read_is_found(spill: Spill) -> None:
    assert ["view-differs"] == await found(spill, {**counter(1, 5), "sums": 7}, marker(EVENTS[0], 5))


async def test_a_marker_of_an_event_that_there_is_not_is_found(spill: Spill) -> None:
    items = [counter(2, 6), marker(EVENTS[0], 5), marker(EVENTS[1], 6)]
    assert ["view-ahead", "view-differs"] == await found(spill, *items, events=EVENTS[:1])


async def test_what_is_no_marker_is_found(spill: Spill) -> None:
    keep_sums(spill, [HOUSE_VISITS], [{"id": "by hand", "bucket": BUCKET, "_lsn": 1}])
    assert ["view-ahead"] == [each.kind for each in spill.findings()]


async def test_a_bucket_with_events_that_cannot_be_read_is_left_out(spill: Spill) -> None:
    keep_sums(spill, [HOUSE_VISITS], [counter(2, 6), marker(EVENTS[0], 5), marker(EVENTS[1], 6)])
    spill.leave_out(HOUSE_VISITS.consumer, STREAM)
    findings: list[Finding] = []
    await check_sums(spill, MemoryRollupStore(), findings.append)
    assert [] == findings
