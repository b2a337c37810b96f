"""When timers are due."""

from datetime import UTC, datetime

import pytest

from emulators.functions.schedules import ScheduleError, is_frequent, parse_schedule

# A Monday.
NOW = datetime(2026, 11, 23, 12, 3, 7, 500, tzinfo=UTC)


@pytest.mark.verified("docs", feature="Timer schedules")
@pytest.mark.parametrize(
    ("schedule", "due"),
    [
        ("0 */5 * * * *", "2026-11-23T12:05:00"),
        ("*/5 * * * *", "2026-11-23T12:05:00"),
        ("7 3 12 * * *", "2026-11-24T12:03:07"),
        ("*/20 * * * * *", "2026-11-23T12:03:20"),
        ("0 30 9 * * Mon-Fri", "2026-11-24T09:30:00"),
        ("0 30 9 * * 1-5", "2026-11-24T09:30:00"),
        ("0 0 9-17/4 * * *", "2026-11-23T13:00:00"),
        ("0 0 0 1,15 * *", "2026-12-01T00:00:00"),
        ("0 0 0 1 jan *", "2027-01-01T00:00:00"),
        ("0 0 0 29 2 *", "2028-02-29T00:00:00"),
        ("0 0 0 13 * FRI", "2027-08-13T00:00:00"),
        ("5/20 * * * * *", "2026-11-23T12:03:25"),
    ],
)
def test_an_expression_is_due_at_its_next_occurrence(schedule: str, due: str) -> None:
    assert due + "+00:00" == parse_schedule(schedule).next_after(NOW).isoformat()


@pytest.mark.verified("docs", feature="Timer schedules")
def test_a_time_span_counts_from_now() -> None:
    assert "2026-11-23T12:03:37.000500+00:00" == parse_schedule("00:00:30").next_after(NOW).isoformat()


@pytest.mark.verified("docs", feature="Timer schedules")
@pytest.mark.parametrize(
    "text",
    ["", "* * *", "60 * * * * *", "0 0 25 * * *", "0 0 0 30 2 *", "0 0 0 * * 7", "x * * * * *", "00:00:00", "hourly"],
)
def test_other_texts_are_no_schedules(text: str) -> None:
    with pytest.raises(ScheduleError):
        parse_schedule(text)


@pytest.mark.verified("trace", feature="Timer status")
@pytest.mark.parametrize(
    ("schedule", "frequent"),
    [("*/30 * * * * *", True), ("00:00:59", True), ("0 * * * * *", False), ("00:01:00", False)],
)
def test_no_status_is_kept_of_schedules_under_one_minute(schedule: str, frequent: bool) -> None:
    assert frequent == is_frequent(parse_schedule(schedule), NOW)
