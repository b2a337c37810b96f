"""What the totals add up is what OpenTelemetry's SDK makes of the same measurements: it is the judge here."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider
from opentelemetry.sdk.metrics import export as sdk
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    HistogramDataPoint,
    InMemoryMetricReader,
    MetricExporter,
    MetricExportResult,
    MetricsData,
)
from opentelemetry.sdk.trace import TracerProvider

from engine.telemetry.instruments import (
    APPEND_DURATION,
    CACHE_REQUESTS,
    COMMAND_DURATION,
    CONFLICTS,
    GROUP_SIZE,
    REQUEST_CHARGE,
    Instrument,
)
from engine.telemetry.opentelemetry import Notebook
from engine.telemetry.totals_reader import TotalsReader

_ATTRIBUTES: Final = st.sampled_from(
    [
        {"stream.category": "guest"},
        {"stream.category": "house"},
        {"stream.category": "house", "error.type": "WrongExpectedVersion"},
        {"error.type": "WrongExpectedVersion", "stream.category": "house"},
    ]
)
_INSTRUMENTS: Final = st.sampled_from(
    [COMMAND_DURATION, APPEND_DURATION, REQUEST_CHARGE, GROUP_SIZE, CACHE_REQUESTS, CONFLICTS]
)
# On the bounds of buckets, beside them, and beyond the last one.
_VALUES: Final = st.sampled_from([0, 1, 2, 5, 0.005, 0.0051, 0.004, 10, 10.5, 1000, 5000]) | st.floats(0, 2000)
_MEASUREMENTS: Final = st.lists(st.tuples(_INSTRUMENTS, _VALUES, _ATTRIBUTES), max_size=30)

_TIMES: Final = {"start_time_unix_nano", "time_unix_nano"}


class Exporter(MetricExporter):
    def __init__(self, temporality: AggregationTemporality) -> None:
        super().__init__({Counter: temporality, Histogram: temporality})
        self.exported: list[MetricsData] = []

    def export(self, metrics_data: MetricsData, timeout_millis: float = 10_000, **_: Any) -> MetricExportResult:
        self.exported.append(metrics_data)
        return MetricExportResult.SUCCESS

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        return True

    def shutdown(self, timeout_millis: float = 30_000, **_: Any) -> None: ...


def said(data: MetricsData | None) -> Mapping[str, Any]:
    """Each metric, without its times, its series in an order of their own."""
    metrics = [
        metric
        for resource in (data.resource_metrics if data else ())
        for scope in resource.scope_metrics
        for metric in scope.metrics
        if metric.name != "process.uptime"
    ]
    assert len(metrics) == len({metric.name for metric in metrics})
    return {
        metric.name: (
            metric.description,
            metric.unit,
            _temporality(metric),
            sorted(map(_point, metric.data.data_points)),
        )
        for metric in metrics
    }


def _temporality(metric: sdk.Metric) -> AggregationTemporality:
    assert isinstance(metric.data, sdk.Sum | sdk.Histogram)
    return metric.data.aggregation_temporality


def _point(point: sdk.DataPointT) -> list[str]:
    said = {name: value for name, value in asdict(point).items() if name not in _TIMES}
    attributes = sorted(said.pop("attributes").items())
    # The SDK adds sums to sums, and the last digit may be another one.
    rounded = {name: f"{value:.9g}" if name in ("sum", "value") else str(value) for name, value in said.items()}
    return [str(attributes), *map(str, sorted(rounded.items()))]


@pytest.mark.parametrize("temporality", [AggregationTemporality.CUMULATIVE, AggregationTemporality.DELTA])
@given(turns=st.lists(_MEASUREMENTS, max_size=4))
def test_the_sdk_says_the_same(
    temporality: AggregationTemporality, turns: Sequence[Sequence[tuple[Instrument, float, Mapping[str, str]]]]
) -> None:
    theirs = InMemoryMetricReader({Counter: temporality, Histogram: temporality})
    judge = MeterProvider([theirs])
    exporter = Exporter(temporality)
    reader = TotalsReader(exporter)
    provider = MeterProvider([reader])
    both = [Notebook(TracerProvider(), judge), Notebook(TracerProvider(), provider, [reader.totals])]
    for turn in turns:
        for notebook in both:
            notebook.noting.notes.extend(turn)
            notebook.flush()
        provider.force_flush()
        assert said(exporter.exported[-1]) == said(theirs.get_metrics_data())
    judge.shutdown()
    provider.shutdown()


@pytest.mark.parametrize("temporality", [AggregationTemporality.CUMULATIVE, AggregationTemporality.DELTA])
def test_a_total_counts_from_the_beginning_or_from_when_it_was_last_taken(temporality: AggregationTemporality) -> None:
    exporter = Exporter(temporality)
    reader = TotalsReader(exporter)
    provider = MeterProvider([reader])
    notebook = Notebook(TracerProvider(), provider, [reader.totals])
    points: list[HistogramDataPoint] = []
    for _ in range(2):
        notebook.noting.notes.append((COMMAND_DURATION, 0.1, {"command.type": "AddBeds"}))
        notebook.flush()
        provider.force_flush()
        (resource,) = exporter.exported[-1].resource_metrics
        (metric,) = [each for each in resource.scope_metrics[0].metrics if each.name == COMMAND_DURATION.name]
        assert isinstance(metric.data, sdk.Histogram)
        points += metric.data.data_points
    first, second = points
    assert first.start_time_unix_nano < first.time_unix_nano < second.time_unix_nano
    if temporality is AggregationTemporality.DELTA:
        assert second.start_time_unix_nano == first.time_unix_nano
    else:
        assert second.start_time_unix_nano == first.start_time_unix_nano
    provider.shutdown()


def test_nothing_that_was_measured_before_the_first_export_is_lost_at_the_end() -> None:
    exporter = Exporter(AggregationTemporality.DELTA)
    reader = TotalsReader(exporter)
    provider = MeterProvider([reader])
    notebook = Notebook(TracerProvider(), provider, [reader.totals])
    notebook.start()
    notebook.noting.notes.append((GROUP_SIZE, 3, {"stream.category": "guest"}))
    notebook.close()
    provider.shutdown()
    assert GROUP_SIZE.name in said(exporter.exported[-1])
