"""Microsoft's exporters, for Application Insights."""

from azure.core.settings import settings
from azure.monitor.opentelemetry.exporter import AzureMonitorMetricExporter, AzureMonitorTraceExporter
from opentelemetry.sdk.trace import TracerProvider


def exporters(
    connection_string: str, traces: TracerProvider
) -> tuple[AzureMonitorTraceExporter, AzureMonitorMetricExporter]:
    """Returns the exporters of spans and of metrics, which send to the resource of the connection string.

    `traces` says which process they are of: without it, each request would log an error.
    """
    # The spans of our transport say more than those of the SDK, and none is wanted twice.
    settings.tracing_enabled = False
    return (
        AzureMonitorTraceExporter(connection_string=connection_string, tracer_provider=traces),
        AzureMonitorMetricExporter(connection_string=connection_string),
    )
