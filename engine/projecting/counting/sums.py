"""Queries of a rollup read its sums by minute and series, of a span of time."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from engine.projecting.counting.port import RollupStore, Sums
from engine.projecting.counting.rollup import Rollup
from engine.turns import in_turns

_BEGINNING: Final = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Span:
    """Is the time from `start` to before `end`, in whole minutes."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Row:
    """Holds the sums of a series by measure: those of one minute, or of the step that begins with it."""

    minute: datetime
    series: str
    sums: Sums


@dataclass(frozen=True, slots=True)
class RollupReader:
    rollups: RollupStore
    clock: Callable[[], datetime]

    async def rows(self, rollup: Rollup, span: Span) -> Sequence[Row]:
        """Returns the sums of each minute and series of the span that has any, in this order."""
        hours = {bucket: hour for hour, bucket in rollup.buckets(span.start, span.end)}
        found = await self.rollups.sums(rollup.name, hours)
        rows: defaultdict[tuple[datetime, str], dict[str, int]] = defaultdict(dict)
        entries = ((hours[bucket], key, amount) for bucket, sums in found.items() for key, amount in sums.items())
        async for hour, key, amount in in_turns(entries):
            minute, series, measure = key.split(".")
            time = hour.replace(minute=int(minute))
            if span.start <= time < span.end:
                sums = rows[time, series]
                sums[measure] = sums.get(measure, 0) + amount
        return [Row(time, series, rows[time, series]) for time, series in sorted(rows)]


async def in_steps(rows: Sequence[Row], step: timedelta) -> Sequence[Row]:
    """Returns the sums of rows by step and series, in this order; a step is a minute, or an hour."""
    found: defaultdict[tuple[datetime, str], dict[str, int]] = defaultdict(dict)
    async for row in in_turns(rows):
        _add(found[beginning_of(row.minute, step), row.series], row.sums)
    return [Row(time, series, found[time, series]) for time, series in sorted(found)]


def beginning_of(time: datetime, step: timedelta) -> datetime:
    """Returns when the step began in which the time is."""
    return time - (time - _BEGINNING) % step


def totals(rows: Sequence[Row]) -> Mapping[str, Sums]:
    """Returns the sums of all rows by series, in the order of their names."""
    found: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for row in rows:
        _add(found[row.series], row.sums)
    return dict(sorted(found.items()))


def _add(sums: dict[str, int], added: Sums) -> None:
    for measure, amount in added.items():
        sums[measure] = sums.get(measure, 0) + amount
