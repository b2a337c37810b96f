"""Schedules of timer triggers: NCRONTAB expressions and constant intervals."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from emulators.functions.timespans import parse_timespan

_MONTH_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTHS = {name: number for number, name in enumerate(_MONTH_NAMES, start=1)}
_DAYS = {name: number for number, name in enumerate(("sun", "mon", "tue", "wed", "thu", "fri", "sat"))}
_PART = re.compile(r"(\*|\w+)(?:-(\w+))?(?:/(\d+))?")
_SEARCH_YEARS = 8  # the 29th of February on a given day of the week


class ScheduleError(ValueError):
    """Not a schedule; the message quotes it."""


class Schedule(Protocol):
    """When a timer is due."""

    @property
    def adjusts_for_dst(self) -> bool: ...

    def next_after(self, moment: datetime) -> datetime:
        """The first occurrence after a moment."""
        ...


@dataclass(frozen=True)
class ConstantSchedule:
    """Every so many seconds, counted from the moment that one asks."""

    interval: timedelta
    adjusts_for_dst: bool = False

    def next_after(self, moment: datetime) -> datetime:
        return moment + self.interval


@dataclass(frozen=True)
class CronSchedule:
    """The six fields of NCRONTAB. A day must suit both the day of the month and the day of the week."""

    seconds: frozenset[int]
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    adjusts_for_dst: bool = True

    def next_after(self, moment: datetime) -> datetime:
        found = moment.replace(microsecond=0) + timedelta(seconds=1)
        limit = found + timedelta(days=366 * _SEARCH_YEARS)
        while found < limit:
            if found.month not in self.months or not self._suits(found):
                found = found.replace(hour=0, minute=0, second=0) + timedelta(days=1)
            elif found.hour not in self.hours:
                found = found.replace(minute=0, second=0) + timedelta(hours=1)
            elif found.minute not in self.minutes:
                found = found.replace(second=0) + timedelta(minutes=1)
            elif found.second not in self.seconds:
                found += timedelta(seconds=1)
            else:
                return found
        raise ScheduleError("the schedule is never due")

    def _suits(self, day: datetime) -> bool:
        return day.day in self.days and (day.weekday() + 1) % 7 in self.weekdays


def parse_schedule(text: str) -> Schedule:
    """An NCRONTAB expression of six fields, or of five without seconds, or a TimeSpan. Raises ScheduleError."""
    fields = text.split()
    if len(fields) == 1:
        try:
            interval = timedelta(seconds=parse_timespan(text.strip()))
        except ValueError as error:
            raise ScheduleError(f"{text!r} is neither an NCRONTAB expression nor a time span") from error
        if not interval:
            raise ScheduleError(f"{text!r}: an interval must be longer than zero")
        return ConstantSchedule(interval)
    if len(fields) == 5:
        fields.insert(0, "0")
    if len(fields) != 6:
        raise ScheduleError(f"{text!r} must have six fields: second minute hour day month day-of-week")
    try:
        schedule = CronSchedule(
            seconds=_field(fields[0], 0, 59, {}),
            minutes=_field(fields[1], 0, 59, {}),
            hours=_field(fields[2], 0, 23, {}),
            days=_field(fields[3], 1, 31, {}),
            months=_field(fields[4], 1, 12, _MONTHS),
            weekdays=_field(fields[5], 0, 6, _DAYS),
        )
        schedule.next_after(datetime.now(UTC))
    except ScheduleError as error:
        raise ScheduleError(f"{text!r}: {error}") from error
    return schedule


def is_frequent(schedule: Schedule, now: datetime) -> bool:
    """Whether occurrences are less than a minute apart: the host keeps no status of such a timer."""
    first = schedule.next_after(now)
    return schedule.next_after(first) - first < timedelta(minutes=1)


def _field(text: str, low: int, high: int, names: Mapping[str, int]) -> frozenset[int]:
    values: set[int] = set()
    for part in text.split(","):
        match = _PART.fullmatch(part)
        if match is None:
            raise ScheduleError(f"cannot read the field {text!r}")
        first, last, step = match.groups()
        start = low if first == "*" else _value(first, low, high, names)
        if last is not None:
            end = _value(last, low, high, names)
        else:
            end = high if first == "*" or step is not None else start
        if end < start or step == "0" or (first == "*" and last is not None):
            raise ScheduleError(f"cannot read the field {text!r}")
        values.update(range(start, end + 1, int(step or 1)))
    return frozenset(values)


def _value(text: str, low: int, high: int, names: Mapping[str, int]) -> int:
    value = names.get(text[:3].lower()) if not text.isdecimal() else int(text)
    if value is None or not low <= value <= high:
        raise ScheduleError(f"{text!r} is not between {low} and {high}")
    return value
