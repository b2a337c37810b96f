"""Notes become spans and metrics of OpenTelemetry's SDK, in a thread of their own."""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from opentelemetry import context, metrics, trace
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, Decision
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, SpanKind, StatusCode, TraceFlags

from engine.telemetry.instruments import INSTRUMENTS, PROCESS_UPTIME, Instrument
from engine.telemetry.last_values import LastValues
from engine.telemetry.noting import TRACEPARENT, Note, NotedSpan, Noting
from engine.telemetry.spans import Attributes, Kind
from engine.telemetry.totals import Totals
from engine.telemetry.totals_reader import SCOPE

EVERY_SECONDS: Final = 0.5
_LOADED: Final = time.monotonic()

_KINDS: Final[Mapping[Kind, SpanKind]] = {
    "internal": SpanKind.INTERNAL,
    "server": SpanKind.SERVER,
    "client": SpanKind.CLIENT,
    "producer": SpanKind.PRODUCER,
    "consumer": SpanKind.CONSUMER,
}
_NO_PARENT: Final = context.Context()
_log = logging.getLogger(__name__)

_Taker = Callable[[float, Attributes], None]


class Notebook:
    """Holds what was noted, and hands it to the SDK every half a second, from `start` until `close`.

    Counters and histograms are added up in `totals`, one for each reader that takes them, if there is any.
    """

    def __init__(self, traces: TracerProvider, measured: MeterProvider, totals: Sequence[Totals] = ()) -> None:
        self.noting = Noting(_sampled_by(traces), _outer)
        self._ids = _NotedIds()
        self._tracer = _tracer_of(traces, self._ids)
        meter = measured.get_meter(SCOPE)
        self._totals = totals
        self._takers = {each.name: _taker_of(meter, each) for each in INSTRUMENTS if each != PROCESS_UPTIME}
        uptime = PROCESS_UPTIME
        meter.create_observable_gauge(uptime.name, [_running], uptime.unit, uptime.description)
        self._closed = threading.Event()
        self._flushing = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="telemetry", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def flush(self) -> None:
        """Hands over all that was noted until now."""
        with self._flushing:
            for _ in range(len(self.noting.notes)):
                try:
                    self._hand_over(self.noting.notes.popleft())
                except Exception:  # noqa: BLE001 - one note that the SDK does not take costs none of the others
                    _log.exception("telemetry loses a note")

    def close(self) -> None:
        self._closed.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._closed.wait(EVERY_SECONDS):
            self.flush()
        self.flush()

    def _hand_over(self, note: Note) -> None:
        match note:
            case NotedSpan() as span:
                self._export(span)
            case instrument, value, attributes if instrument.kind == "gauge" or not self._totals:
                self._takers[instrument.name](value, attributes)
            case instrument, value, attributes:
                for totals in self._totals:
                    totals.add(instrument, value, attributes)

    def _export(self, noted: NotedSpan) -> None:
        parent = _span_context(noted.parent)
        within = context.Context() if parent is None else trace.set_span_in_context(NonRecordingSpan(parent))
        self._ids.noted = noted
        span = self._tracer.start_span(
            noted.begun.name,
            within,
            kind=_KINDS[noted.begun.kind],
            attributes=noted.attributes,
            links=[Link(each) for each in map(_span_context, dict.fromkeys(noted.links)) if each is not None],
            start_time=noted.started_at,
        )
        if noted.failed:
            span.set_status(StatusCode.ERROR)
        span.end(noted.ended_at)


class _NotedIds(RandomIdGenerator):
    """Gives a span the ids that it was noted with."""

    noted: NotedSpan

    def generate_trace_id(self) -> int:
        return int(self.noted.trace_id, 16)

    def generate_span_id(self) -> int:
        return int(self.noted.span_id, 16)


def _tracer_of(traces: TracerProvider, ids: _NotedIds) -> trace.Tracer:
    """Returns a tracer that takes noted ids, and drops nothing: what is noted was sampled."""
    theirs = traces.id_generator, traces.sampler
    traces.id_generator, traces.sampler = ids, ALWAYS_ON
    tracer = traces.get_tracer(SCOPE)
    traces.id_generator, traces.sampler = theirs
    return tracer


def _taker_of(meter: metrics.Meter, instrument: Instrument) -> _Taker:
    """Returns what takes the values of the instrument."""
    described = instrument.name, instrument.unit, instrument.description
    match instrument.kind:
        case "counter":
            return meter.create_counter(*described).add
        case "histogram":
            return meter.create_histogram(*described, explicit_bucket_boundaries_advisory=instrument.bounds).record
        case "gauge":
            last = LastValues()
            meter.create_observable_gauge(instrument.name, [last.observed], instrument.unit, instrument.description)
            return last.set


def _running(_: CallbackOptions) -> Iterator[Observation]:
    yield Observation(time.monotonic() - _LOADED)


def _sampled_by(traces: TracerProvider) -> Callable[[str, str], bool]:
    def is_sampled(trace_id: str, name: str) -> bool:
        decided = traces.sampler.should_sample(_NO_PARENT, int(trace_id, 16), name)
        return decided.decision is Decision.RECORD_AND_SAMPLE

    return is_sampled


def _outer() -> str:
    """Returns the span of the platform: the worker attaches it where it was told to set up telemetry itself."""
    span = trace.get_current_span().get_span_context()
    return f"00-{span.trace_id:032x}-{span.span_id:016x}-{span.trace_flags:02x}" if span.is_valid else ""


def _span_context(traceparent: str) -> SpanContext | None:
    if not TRACEPARENT.fullmatch(traceparent):
        return None
    trace_id, span_id, flags = (int(part, 16) for part in traceparent[3:].split("-"))
    return SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(flags & TraceFlags.SAMPLED))
