"""Sums are compared with the markers that their counter had counted when it was read, and with no others."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from engine.projecting.counting.rollup import marker_of
from engine.storing.events import RecordedEvent
from engine.testing.times import NOON
from engine.verifying.counts import CountCheck
from engine.verifying.findings import Finding
from engine.verifying.spill import Spill
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


def found(spill: Spill, *items: Mapping[str, Any], handled_before: float | None = None) -> list[str]:
    findings: list[Finding] = []
    check = CountCheck(HOUSE_VISITS, spill, findings.append)
    check.keep(items)
    fold = check.fold(STREAM)
    for event in EVENTS:
        fold.apply(event, 100)
    fold.end(STREAM, 2, handled_before)
    check.end()
    return [each.kind for each in findings]


def test_what_was_counted_after_the_counter_was_read_is_not_held_against_it(spill: Spill) -> None:
    assert [] == found(spill, counter(1, 5), marker(EVENTS[0], 5), marker(EVENTS[1], 6))


def test_a_counter_that_was_read_again_counts_as_it_was_last(spill: Spill) -> None:
    items = [counter(1, 5), marker(EVENTS[0], 5), counter(2, 6), marker(EVENTS[1], 6)]
    assert [] == found(spill, *items)


def test_a_counter_that_says_too_little_or_too_much_is_found(spill: Spill) -> None:
    assert ["view-differs"] == found(spill, counter(1, 6), marker(EVENTS[0], 5), marker(EVENTS[1], 6))
    assert ["view-differs"] == found(spill, counter(3, 7))


@pytest.mark.parametrize(("handled_before", "expected"), [(None, []), (100, []), (101, ["view-behind"])])
def test_an_event_that_is_not_counted_is_found_where_its_consumer_has_gone_past_it(
    spill: Spill, handled_before: float | None, expected: list[str]
) -> None:
    assert expected == found(spill, counter(1, 5), marker(EVENTS[0], 5), handled_before=handled_before)


def test_another_generation_is_left_out(spill: Spill) -> None:
    other = BUCKET.replace("1~", "2~", 1)
    assert [] == found(spill, {**counter(7, 5), "id": other, "bucket": other})


def test_events_that_were_counted_beyond_the_walk_are_read(spill: Spill) -> None:
    CountCheck(HOUSE_VISITS, spill, lambda _: None).keep([marker(EVENTS[1], 6)])
    assert [(STREAM, 0, 2)] == list(spill.views_ahead())
