"""What exports telemetry is set up here, once in a process, as the settings say; docs/telemetry.md explains them.

Nothing waits for an exporter: threads of the SDK send what has ended, every few seconds, and drop what does not fit
into their queues. The SDK itself reads the settings that OpenTelemetry defines, such as OTEL_TRACES_SAMPLER.
"""

import atexit
from typing import Final, NamedTuple

from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter

from engine.settings import TelemetrySettings
from engine.telemetry import metrics as our_metrics
from engine.telemetry import spans
from engine.telemetry.opentelemetry import Notebook
from engine.telemetry.totals_reader import TotalsReader

_EXPORT_LIFETIME: Final = 5
"""A request to a collector is given up after this many seconds."""


class Process(NamedTuple):
    """Names the process that exports, as Azure does: by its app, and by an instance of it."""

    app: str
    instance: str


class Exporters(NamedTuple):
    spans: SpanExporter
    metrics: MetricExporter


def start(settings: TelemetrySettings, process: Process) -> Notebook:
    """Makes this process export what the settings ask for, until it ends.

    Where the worker has set up Azure Monitor already (PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY), its exporters get
    our spans and metrics, and no others are set up. Raises ImportError for a package that is not installed.
    """
    traces, measured, readers = trace.get_tracer_provider(), metrics.get_meter_provider(), list[TotalsReader]()
    if not isinstance(traces, TracerProvider) or not isinstance(measured, MeterProvider):
        resource = _resource(process)
        traces = TracerProvider(resource=resource)
        exporters = _exporters(settings, traces)
        readers = [TotalsReader(each.metrics) for each in exporters]
        measured = MeterProvider(readers, resource)
        for each in exporters:
            traces.add_span_processor(BatchSpanProcessor(each.spans))
    notebook = Notebook(traces, measured, [each.totals for each in readers])
    notebook.start()
    spans.use(notebook.noting)
    our_metrics.use(notebook.noting.notes.append)
    # Before the SDK sends the last of what it has, which was registered earlier.
    atexit.register(notebook.close)
    return notebook


def _exporters(settings: TelemetrySettings, traces: TracerProvider) -> list[Exporters]:
    exporters = []
    if settings.otlp:
        from opentelemetry.exporter.otlp.json.http.metric_exporter import OTLPMetricExporter
        from opentelemetry.exporter.otlp.json.http.trace_exporter import OTLPSpanExporter

        of_otlp = OTLPSpanExporter(timeout=_EXPORT_LIFETIME), OTLPMetricExporter(timeout=_EXPORT_LIFETIME)
        exporters.append(Exporters(*of_otlp))
    if settings.azure_monitor is not None:
        from engine.telemetry.azure_monitor import exporters as of_azure

        exporters.append(Exporters(*of_azure(settings.azure_monitor, traces)))
    return exporters


def _resource(process: Process) -> Resource:
    named = Resource({"service.name": process.app, "service.instance.id": process.instance})
    # What OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES say wins.
    return Resource.create().merge(named).merge(OTELResourceDetector().detect())
