"""What exports telemetry is set up here, once in a process, as the settings say; docs/telemetry.md explains them.

Nothing waits for an exporter: threads of the SDK send what has ended, every few seconds, and drop what does not fit
into their queues. The SDK itself reads the settings that OpenTelemetry defines, such as `OTEL_TRACES_SAMPLER`.
"""

import os
from typing import Final, NamedTuple

from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricExporter, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter

from engine.settings import TelemetrySettings
from engine.telemetry import metrics as our_metrics
from engine.telemetry import spans
from engine.telemetry.opentelemetry import Notebook

_METRICS_EVERY_MS: Final = 30_000
_EXPORT_LIFETIME: Final = 5
"""A request to a collector is given up after this many seconds."""


class Exporters(NamedTuple):
    spans: SpanExporter
    metrics: MetricExporter


def start(settings: TelemetrySettings) -> None:
    """Makes this process export what the settings ask for. Raises ImportError for a package that is not installed.

    Where the worker has set up Azure Monitor already (PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY), its exporters get
    our spans and metrics, and no others are set up.
    """
    traces, measured = trace.get_tracer_provider(), metrics.get_meter_provider()
    if not isinstance(traces, TracerProvider) or not isinstance(measured, MeterProvider):
        exporters = _exporters(settings)
        readers = [PeriodicExportingMetricReader(each.metrics, _METRICS_EVERY_MS) for each in exporters]
        traces, measured = TracerProvider(resource=_resource()), MeterProvider(readers, _resource())
        for each in exporters:
            traces.add_span_processor(BatchSpanProcessor(each.spans))
    notebook = Notebook(traces, measured)
    notebook.start()
    spans.use(notebook.noting)
    our_metrics.use(notebook.noting)


def _exporters(settings: TelemetrySettings) -> list[Exporters]:
    exporters = []
    if settings.otlp:
        from opentelemetry.exporter.otlp.json.http.metric_exporter import OTLPMetricExporter
        from opentelemetry.exporter.otlp.json.http.trace_exporter import OTLPSpanExporter

        of_otlp = OTLPSpanExporter(timeout=_EXPORT_LIFETIME), OTLPMetricExporter(timeout=_EXPORT_LIFETIME)
        exporters.append(Exporters(*of_otlp))
    if settings.azure_monitor is not None:
        from azure.monitor.opentelemetry.exporter import AzureMonitorMetricExporter, AzureMonitorTraceExporter

        to = settings.azure_monitor
        of_azure = AzureMonitorTraceExporter(connection_string=to), AzureMonitorMetricExporter(connection_string=to)
        exporters.append(Exporters(*of_azure))
    return exporters


def _resource() -> Resource:
    """Describes this process: as Azure names the app and its instance, unless OTEL_SERVICE_NAME says otherwise."""
    named = os.environ.get("OTEL_SERVICE_NAME") or os.environ.get("WEBSITE_SITE_NAME") or "functions"
    instance = f"{os.environ.get('WEBSITE_INSTANCE_ID', 'local')}-{os.getpid()}"
    return Resource.create({"service.name": named, "service.instance.id": instance})
