"""What is traced and measured while a test runs, kept in memory."""

from collections.abc import Iterator

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from engine.telemetry import metrics, spans
from engine.telemetry.opentelemetry import Notebook
from tests.engine.telemetry.kept import Kept


@pytest.fixture
def kept() -> Iterator[Kept]:
    exporter, reader = InMemorySpanExporter(), InMemoryMetricReader()
    traces, measured = TracerProvider(), MeterProvider([reader])
    traces.add_span_processor(SimpleSpanProcessor(exporter))
    notebook = Notebook(traces, measured)
    spans.use(notebook.noting)
    metrics.use(notebook.noting)
    yield Kept(notebook, exporter, reader)
    spans.use(None)
    metrics.use(None)
    traces.shutdown()
    measured.shutdown()
