"""Queries of a rollup read its sums by minute and series, of a span of time."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from engine.projecting.counting.port import RollupStore, Sums
from engine.projecting.counting.rollup import Rollup
from engine.turns import in_turns


@dataclass(frozen=True, slots=True)
class Span:
    """Is the time from `start` to before `end`, in whole minutes."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Row:
    """Holds the sums of one minute and series, by measure."""

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


def totals(rows: Sequence[Row]) -> Mapping[str, Sums]:
    """Returns the sums of all rows by series, in the order of their names."""
    found: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for row in rows:
        sums = found[row.series]
        for measure, amount in row.sums.items():
            sums[measure] = sums.get(measure, 0) + amount
    return dict(sorted(found.items()))
