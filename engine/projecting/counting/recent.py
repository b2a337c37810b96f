"""Sums up to now are asked for again and again; those of the hours that have passed hardly change any more."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from engine.projecting.counting.rollup import Rollup
from engine.projecting.counting.sums import RollupReader, Row, Span, beginning_of, in_steps

KEPT_FOR: Final = 60.0
"""In seconds: an event that is counted late shows so much later in an hour that has passed."""

_HOUR: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class RecentSums:
    """Reads this hour each time, and the hours before it once in `KEPT_FOR` seconds."""

    reader: RollupReader
    monotonic: Callable[[], float]
    _kept: dict[tuple[str, timedelta], tuple[float, Span, Sequence[Row]]] = field(default_factory=dict)

    async def rows(self, rollup: Rollup, span: Span, step: timedelta) -> Sequence[Row]:
        """Returns the sums of each step and series of the span that has any, in this order.

        A step is a minute or an hour. The span has whole ones, and ends with the one of now.
        """
        hour = beginning_of(self.reader.clock(), _HOUR)
        passed, present = await asyncio.gather(
            self._passed(rollup, Span(beginning_of(span.start, _HOUR), hour), step),
            self._read(rollup, Span(max(hour, span.start), span.end), step),
        )
        return [*(row for row in passed if row.minute >= span.start), *present]

    async def _passed(self, rollup: Rollup, span: Span, step: timedelta) -> Sequence[Row]:
        if span.start == span.end:
            return ()
        now = self.monotonic()
        read_at, its_span, rows = self._kept.get((rollup.consumer, step), (-KEPT_FOR, None, ()))
        if its_span != span or now - read_at >= KEPT_FOR:
            rows = await self._read(rollup, span, step)
            self._kept[rollup.consumer, step] = now, span, rows
        return rows

    async def _read(self, rollup: Rollup, span: Span, step: timedelta) -> Sequence[Row]:
        return await in_steps(await self.reader.rows(rollup, span), step)
