"""Spans and metrics by OpenTelemetry."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Final

from opentelemetry import context, metrics, trace
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, SpanKind, TraceFlags

from engine.telemetry.instruments import INSTRUMENTS, Instrument
from engine.telemetry.spans import Attributes, Begun, Kind, Span

_KINDS: Final[Mapping[Kind, SpanKind]] = {
    "internal": SpanKind.INTERNAL,
    "client": SpanKind.CLIENT,
    "producer": SpanKind.PRODUCER,
    "consumer": SpanKind.CONSUMER,
}
_Made = metrics.Counter | metrics.Histogram | metrics._Gauge  # noqa: SLF001 - the API has no other name for it

_TRACEPARENT: Final = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})")


class OpenTelemetrySpan:
    """Implements `Span`."""

    def __init__(self, span: trace.Span) -> None:
        self._span = span

    @property
    def traceparent(self) -> str:
        return _traceparent(self._span.get_span_context())

    def set(self, attributes: Attributes) -> None:
        self._span.set_attributes(attributes)

    def link(self, traceparent: str) -> None:
        linked = _span_context(traceparent)
        if linked is not None:
            self._span.add_link(linked)


class _Unsampled:
    """Implements `Span` in a trace that is not kept."""

    def __init__(self, traceparent: str) -> None:
        self.traceparent = traceparent

    def set(self, _: Attributes, /) -> None: ...

    def link(self, _: str, /) -> None: ...


class OpenTelemetryTracer:
    """Implements `Tracer`. Errors are named in spans by their types: their texts may hold what a customer wrote."""

    def __init__(self, provider: trace.TracerProvider) -> None:
        self._tracer = provider.get_tracer("engine")

    @contextmanager
    def span(self, begun: Begun) -> Iterator[Span]:
        above = _span_context(begun.parent) or trace.get_current_span().get_span_context()
        if above.is_valid and not above.trace_flags.sampled:
            # Decided at the root of the trace: to begin spans that nobody keeps costs nearly as much as those kept.
            with _within(above):
                yield _Unsampled(_traceparent(above))
            return
        span = self._started(begun)
        token = context.attach(trace.set_span_in_context(span))
        try:
            yield OpenTelemetrySpan(span)
        except BaseException as error:
            if isinstance(error, begun.expected):
                span.set_attribute("answer.type", type(error).__name__)
            else:
                span.set_attribute("error.type", type(error).__name__)
                span.set_status(trace.StatusCode.ERROR)
            raise
        finally:
            context.detach(token)
            span.end()

    def ended(self, begun: Begun, began: int) -> None:
        self._started(begun, began).end()

    def within(self, traceparent: str) -> AbstractContextManager[None]:
        above = _span_context(traceparent)
        return nullcontext() if above is None or traceparent == self.current() else _within(above)

    def current(self) -> str:
        span = trace.get_current_span().get_span_context()
        return _traceparent(span) if span.is_valid else ""

    def _started(self, begun: Begun, at: int | None = None) -> trace.Span:
        return self._tracer.start_span(
            begun.name,
            _context_of(begun.parent),
            kind=_KINDS[begun.kind],
            attributes=begun.attributes,
            links=[Link(each) for each in map(_span_context, dict.fromkeys(begun.links)) if each is not None],
            start_time=at,
        )


class OpenTelemetryMeter:
    """Implements `Meter`."""

    def __init__(self, provider: metrics.MeterProvider) -> None:
        meter = provider.get_meter("engine")
        make: Mapping[str, Callable[[str, str, str], _Made]] = {
            "counter": meter.create_counter,
            "histogram": meter.create_histogram,
            "gauge": meter.create_gauge,
        }
        self._made = {each: make[each.kind](each.name, each.unit, each.description) for each in INSTRUMENTS}

    def record(self, instrument: Instrument, value: float, attributes: Attributes) -> None:
        match self._made[instrument]:
            case metrics.Counter() as counter:
                counter.add(value, attributes)
            case metrics.Histogram() as histogram:
                histogram.record(value, attributes)
            case gauge:
                gauge.set(value, attributes)


def _context_of(traceparent: str) -> context.Context | None:
    """Returns the context of a parent in another place; None makes the current span the parent."""
    parent = _span_context(traceparent)
    return None if parent is None else trace.set_span_in_context(NonRecordingSpan(parent), context.Context())


@contextmanager
def _within(span: SpanContext) -> Iterator[None]:
    token = context.attach(trace.set_span_in_context(NonRecordingSpan(span)))
    try:
        yield
    finally:
        context.detach(token)


def _span_context(traceparent: str) -> SpanContext | None:
    parts = _TRACEPARENT.fullmatch(traceparent)
    if parts is None:
        return None
    trace_id, span_id, flags = (int(part, 16) for part in parts.groups())
    return SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(flags & TraceFlags.SAMPLED))


def _traceparent(span: SpanContext) -> str:
    return f"00-{span.trace_id:032x}-{span.span_id:016x}-{span.trace_flags:02x}"
