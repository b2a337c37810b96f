"""Exports the totals beside what the SDK has measured itself.

The SDK takes some ten microseconds for each value that it is told, and a command has seven of them.
"""

import time
from dataclasses import replace
from typing import Any, Final

from opentelemetry.sdk.metrics import Counter, Histogram
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Metric,
    MetricExporter,
    MetricsData,
    PeriodicExportingMetricReader,
)

from engine.telemetry.totals import Totals

SCOPE: Final = "engine"
_CUMULATIVE: Final = AggregationTemporality.CUMULATIVE


class TotalsReader(PeriodicExportingMetricReader):
    """Adds the totals to what the SDK hands to an exporter.

    It hands over nothing while it has measured nothing; it always has for how long the process has run.
    """

    def __init__(self, exporter: MetricExporter) -> None:
        preferred = exporter._preferred_temporality or {}  # noqa: SLF001 - the readers of the SDK ask for it like this
        temporalities = {
            "counter": preferred.get(Counter, _CUMULATIVE),
            "histogram": preferred.get(Histogram, _CUMULATIVE),
        }
        self.totals = Totals(temporalities, time.time_ns())
        super().__init__(exporter)

    def _receive_metrics(self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any) -> None:
        both = _with(metrics_data, self.totals.take(time.time_ns()))
        super()._receive_metrics(both, timeout_millis, **kwargs)


def _with(metrics_data: MetricsData, totals: list[Metric]) -> MetricsData:
    """Returns the data with the totals in our scope."""
    resources = [
        replace(
            resource,
            scope_metrics=[
                replace(each, metrics=[*each.metrics, *totals]) if each.scope.name == SCOPE else each
                for each in resource.scope_metrics
            ],
        )
        for resource in metrics_data.resource_metrics
    ]
    return replace(metrics_data, resource_metrics=resources)
