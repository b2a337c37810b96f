"""Notes are bounded, and one that the SDK does not take costs none of the others."""

import threading

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult

from engine.telemetry.noting import MOST_NOTES, NotedSpan, Noting
from engine.telemetry.opentelemetry import Notebook
from engine.telemetry.spans import Begun


def test_when_nobody_takes_the_notes_the_oldest_are_dropped() -> None:
    noting = Noting(lambda *_: True, str)
    for number in range(MOST_NOTES + 5):
        with noting.span(Begun(str(number))):
            pass
    assert len(noting.notes) == MOST_NOTES


class Stuck(SpanExporter):
    """Takes the first span, and hangs."""

    def __init__(self) -> None:
        self.reached, self.go_on = threading.Event(), threading.Event()
        self.taken: list[str] = []

    def export(self, exported: object) -> SpanExportResult:
        assert isinstance(exported, tuple)
        self.taken += [span.name for span in exported if isinstance(span, ReadableSpan)]
        self.reached.set()
        self.go_on.wait(30)
        return SpanExportResult.SUCCESS


def test_an_exporter_that_hangs_holds_up_nobody_who_notes() -> None:
    traces, stuck = TracerProvider(), Stuck()
    traces.add_span_processor(SimpleSpanProcessor(stuck))
    notebook = Notebook(traces, MeterProvider())
    notebook.start()
    with notebook.noting.span(Begun("first")):
        pass
    assert stuck.reached.wait(30)
    for _ in range(1000):
        with notebook.noting.span(Begun("more")):
            pass
    assert len(notebook.noting.notes) == 1000
    stuck.go_on.set()
    notebook.close()
    assert stuck.taken == ["first", *["more"] * 1000]
    traces.shutdown()


def test_a_note_that_the_sdk_does_not_take_costs_none_of_the_others() -> None:
    kept: list[str] = []

    class Picky(SpanExporter):
        def export(self, exported: object) -> SpanExportResult:
            assert isinstance(exported, tuple)
            kept.extend(span.name for span in exported)
            return SpanExportResult.SUCCESS

    traces = TracerProvider()
    traces.add_span_processor(SimpleSpanProcessor(Picky()))
    notebook = Notebook(traces, MeterProvider())
    with notebook.noting.span(Begun("bad")) as bad:
        assert isinstance(bad, NotedSpan)
        bad.trace_id = "no number"
    with notebook.noting.span(Begun("good")):
        pass
    notebook.start()
    notebook.close()
    assert kept == ["good"]
    traces.shutdown()
