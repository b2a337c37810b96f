"""Microsoft's exporters, for Application Insights."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from azure.core.settings import settings
from azure.monitor.opentelemetry.exporter import AzureMonitorMetricExporter, AzureMonitorTraceExporter
from opentelemetry.sdk.metrics.export import MetricsData, ResourceMetrics
from opentelemetry.sdk.trace import TracerProvider

from engine.telemetry.instruments import HTTP_DURATION


class MetricExporter(AzureMonitorMetricExporter):  # type: ignore[misc]  # its package may be missing
    """Leaves out the duration of requests, which stands in their rows.

    The exporter takes it for a metric of Application Insights itself, without our attributes and in milliseconds.
    """

    def export(self, metrics_data: MetricsData, *limits: float, **named: Any) -> Any:
        kept = replace(metrics_data, resource_metrics=[*_kept(metrics_data)])
        return super().export(kept, *limits, **named)


def _kept(metrics_data: MetricsData) -> Iterator[ResourceMetrics]:
    for resource in metrics_data.resource_metrics:
        scopes = [
            replace(scope, metrics=[metric for metric in scope.metrics if metric.name != HTTP_DURATION.name])
            for scope in resource.scope_metrics
        ]
        yield replace(resource, scope_metrics=scopes)


def exporters(connection_string: str, traces: TracerProvider) -> tuple[AzureMonitorTraceExporter, MetricExporter]:
    """Returns the exporters of spans and of metrics, which send to the resource of the connection string.

    `traces` says which process they are of: without it, each request would log an error.
    """
    # The spans of our transport say more than those of the SDK, and none is wanted twice.
    settings.tracing_enabled = False
    return (
        AzureMonitorTraceExporter(connection_string=connection_string, tracer_provider=traces),
        MetricExporter(connection_string=connection_string),
    )
