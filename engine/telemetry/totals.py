"""What is measured is added up, until a reader of OpenTelemetry's SDK takes the totals."""

import math
import threading
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Histogram,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
    Sum,
)

from engine.telemetry.instruments import INSTRUMENTS, Instrument
from engine.telemetry.spans import Attributes

_DELTA: Final = AggregationTemporality.DELTA


@dataclass(slots=True)
class _Total:
    """Of the values of one series; `buckets` counts them by the bound that they do not exceed."""

    attributes: Attributes
    buckets: list[int]
    sum: float = 0
    least: float = math.inf
    most: float = -math.inf


_Series = dict[frozenset[tuple[str, str | int | float | bool]], _Total]


class Totals:
    """Adds up counters and histograms: since `began`, or since they were last taken, by the temporality of their kind.

    Times are in nanoseconds of `time.time_ns`.
    """

    def __init__(self, temporalities: Mapping[str, AggregationTemporality], began: int) -> None:
        self._temporalities = temporalities
        self._began = self._taken_at = began
        self._series: dict[str, _Series] = {}
        self._adding = threading.Lock()

    def add(self, instrument: Instrument, value: float, attributes: Attributes) -> None:
        key = frozenset(attributes.items())
        with self._adding:
            series = self._series.setdefault(instrument.name, {})
            total = series.get(key)
            if total is None:
                total = series[key] = _Total(attributes, [0] * (len(instrument.bounds) + 1))
            total.buckets[bisect_left(instrument.bounds, value)] += 1
            total.sum += value
            if value < total.least:
                total.least = value
            if value > total.most:
                total.most = value

    def take(self, now: int) -> list[Metric]:
        """Returns the totals of each instrument that there are."""
        with self._adding:
            taken = [self._metric(each, now) for each in INSTRUMENTS if self._series.get(each.name)]
            for each in INSTRUMENTS:
                if self._temporalities.get(each.kind) is _DELTA:
                    self._series.pop(each.name, None)
            self._taken_at = now
        return taken

    def _metric(self, instrument: Instrument, now: int) -> Metric:
        temporality, totals = self._temporalities[instrument.kind], self._series[instrument.name].values()
        since = self._taken_at if temporality is _DELTA else self._began
        data: Sum | Histogram
        if instrument.kind == "counter":
            numbers = [NumberDataPoint(each.attributes, since, now, each.sum) for each in totals]
            data = Sum(numbers, temporality, is_monotonic=True)
        else:
            points = [_point(instrument, each, since, now) for each in totals]
            data = Histogram(points, temporality)
        return Metric(instrument.name, instrument.description, instrument.unit, data)


def _point(instrument: Instrument, total: _Total, since: int, now: int) -> HistogramDataPoint:
    return HistogramDataPoint(
        attributes=total.attributes,
        start_time_unix_nano=since,
        time_unix_nano=now,
        count=sum(total.buckets),
        sum=total.sum,
        bucket_counts=tuple(total.buckets),
        explicit_bounds=instrument.bounds,
        min=total.least,
        max=total.most,
    )
