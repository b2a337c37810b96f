"""The spans and metrics of a test, in the words of its assertions."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from engine.telemetry import metrics, spans
from engine.telemetry.opentelemetry import Notebook


@dataclass(frozen=True)
class Kept:
    notebook: Notebook
    exporter: InMemorySpanExporter
    reader: InMemoryMetricReader

    @property
    def spans(self) -> Sequence[ReadableSpan]:
        self.notebook.flush()
        return self.exporter.get_finished_spans()

    def named(self, name: str) -> list[ReadableSpan]:
        return [span for span in self.spans if span.name == name]

    def one(self, name: str) -> ReadableSpan:
        (span,) = self.named(name)
        return span

    def trace(self, traceparent: str) -> list[str]:
        """The names of the spans of this trace, by the time at which they began."""
        return [span.name for span in self.spans if f"{span.context.trace_id:032x}" == traceparent[3:35]]

    def tree(self, traceparent: str) -> list[str]:
        """The spans of this trace, each indented below its parent; those from elsewhere are at the top."""
        mine = [span for span in self.spans if f"{span.context.trace_id:032x}" == traceparent[3:35]]
        mine.sort(key=lambda span: span.start_time or 0)
        known = {span.context.span_id for span in mine}

        def below(parent: int | None, depth: int) -> Iterator[str]:
            for span in mine:
                its_parent = span.parent.span_id if span.parent and span.parent.span_id in known else None
                if its_parent == parent:
                    yield "  " * depth + span.name
                    yield from below(span.context.span_id, depth + 1)

        return list(below(None, 0))

    def measured(self, name: str) -> list[tuple[Mapping[str, Any], float]]:
        """What a metric has now: its attributes, and its sum or its count."""
        self.notebook.flush()
        data = self.reader.get_metrics_data()
        points = [
            point
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == name
            for point in metric.data.data_points
        ]
        return [(dict(point.attributes or {}), getattr(point, "count", getattr(point, "value", 0))) for point in points]


@contextmanager
def keeping() -> Iterator[Kept]:
    """Keeps what is traced and measured in the block."""
    exporter, reader = InMemorySpanExporter(), InMemoryMetricReader()
    traces, measured = TracerProvider(), MeterProvider([reader])
    traces.add_span_processor(SimpleSpanProcessor(exporter))
    notebook = Notebook(traces, measured)
    spans.use(notebook.noting)
    metrics.use(notebook.noting.notes.append)
    try:
        yield Kept(notebook, exporter, reader)
    finally:
        spans.use(None)
        metrics.use(None)
        traces.shutdown()
        measured.shutdown()
