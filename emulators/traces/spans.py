"""The spans of a request, and the newest of all spans, trace by trace."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from emulators.traces.fields import Attributes, Message

_KINDS: Final = ("unspecified", "internal", "server", "client", "producer", "consumer")
_STATUSES: Final = ("unset", "ok", "error")
_LATEST: Final = 253_402_300_799_000_000_000
"""The last second of the year 9999 in nanoseconds: later times have no name."""


class Span(NamedTuple):
    """Times are in nanoseconds since the epoch; `resource` says which process it is of."""

    trace_id: str
    span_id: str
    parent_id: str
    name: str
    kind: str
    start: int
    end: int
    status: str
    attributes: Attributes
    links: Sequence[Mapping[str, Any]]
    events: Sequence[Mapping[str, Any]]
    resource: Attributes

    def to_json(self) -> Mapping[str, Any]:
        return {
            "traceId": self.trace_id,
            "spanId": self.span_id,
            "parentSpanId": self.parent_id or None,
            "name": self.name,
            "kind": self.kind,
            "begin": _time(self.start),
            "durationMs": _milliseconds(self.end - self.start),
            "status": self.status,
            "attributes": self.attributes,
            "links": self.links,
            "events": self.events,
            "resource": self.resource,
        }


def spans_of(request: Message) -> Iterator[Span]:
    """The spans of an ExportTraceServiceRequest. Raises MalformedError."""
    for of_resource in request.messages("resourceSpans"):
        resource = of_resource.message("resource").attributes()
        for of_scope in of_resource.messages("scopeSpans"):
            for each in of_scope.messages("spans"):
                yield _span(each, resource)


def _span(span: Message, resource: Attributes) -> Span:
    start, end = span.integer("startTimeUnixNano"), span.integer("endTimeUnixNano")
    return Span(
        span.hexadecimal("traceId", 32),
        span.hexadecimal("spanId", 16),
        span.hexadecimal("parentSpanId", 16, optional=True),
        span.text("name"),
        _named(_KINDS, span.integer("kind")),
        start,
        max(start, end),
        _named(_STATUSES, span.message("status").integer("code")),
        span.attributes(),
        [
            {
                "traceId": each.hexadecimal("traceId", 32),
                "spanId": each.hexadecimal("spanId", 16),
                "attributes": each.attributes(),
            }
            for each in span.messages("links")
        ],
        [
            {
                "name": each.text("name"),
                "at": _time(each.integer("timeUnixNano")),
                "attributes": each.attributes(),
            }
            for each in span.messages("events")
        ],
        resource,
    )


def _named(names: Sequence[str], number: int) -> str:
    """Numbers that came later into the protocol have no name here."""
    return names[number] if number in range(len(names)) else str(number)


def _time(nanoseconds: int) -> str:
    """ISO 8601 in UTC, to the microsecond."""
    seconds, rest = divmod(min(max(nanoseconds, 0), _LATEST), 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest // 1000:06}Z"


def _milliseconds(nanoseconds: int) -> float:
    return round(nanoseconds / 1_000_000, 3)


@dataclass
class _Trace:
    spans: dict[str, Span] = field(default_factory=dict)
    size: float = 0.0

    def root(self) -> Span:
        """The earliest of the spans whose parent is not here."""
        orphans = [each for each in self.spans.values() if each.parent_id not in self.spans]
        return min(orphans or self.spans.values(), key=lambda each: each.start)

    def has(self, name: str, values: Sequence[str]) -> bool:
        return any(name in span.attributes and _text(span.attributes[name]) in values for span in self.spans.values())

    def summary(self) -> Mapping[str, Any]:
        root, spans = self.root(), self.spans.values()
        begin, end = min(each.start for each in spans), max(each.end for each in spans)
        return {
            "traceId": root.trace_id,
            "root": root.name,
            "begin": _time(begin),
            "durationMs": _milliseconds(end - begin),
            "spans": len(spans),
            "errors": sum(each.status == "error" for each in spans),
        }


class Traces:
    """The newest traces. Where there are too many spans, or too many bytes, the trace that got none for longest goes.

    A trace that is longer than `longest` is not kept whole: what comes beyond that is turned away.
    """

    def __init__(self, spans: int = 50_000, size: float = 64e6, longest: int = 10_000) -> None:
        self._limits = spans, size
        self._longest = longest
        self._count = 0
        self._size = 0.0
        self._traces: dict[str, _Trace] = {}
        self.dropped = 0
        """So many traces went to make room."""

    def add(self, spans: Sequence[Span], size: int) -> int:
        """Keeps the spans of a request of `size` bytes; returns how many were turned away.

        A span that is there already came from an exporter that saw no answer.
        """
        turned_away = 0
        for span in spans:
            # To the end of the dict, which is in the order of the last arrival.
            trace = self._traces.pop(span.trace_id, None) or _Trace()
            self._traces[span.trace_id] = trace
            if span.span_id in trace.spans:
                continue
            if len(trace.spans) >= self._longest:
                turned_away += 1
                continue
            trace.spans[span.span_id] = span
            share = size / len(spans)
            trace.size += share
            self._size += share
            self._count += 1
        self._make_room()
        return turned_away

    def _make_room(self) -> None:
        spans, size = self._limits
        while self._count > spans or self._size > size:
            oldest = self._traces.pop(next(iter(self._traces)))
            self._count -= len(oldest.spans)
            self._size -= oldest.size
            self.dropped += 1

    def newest(self, limit: int, wanted: Mapping[str, Sequence[str]]) -> Sequence[Mapping[str, Any]]:
        """Traces by when they began, newest first. Of `wanted`, a trace has each attribute with one of its values."""
        found = [
            trace.summary()
            for trace in self._traces.values()
            if all(trace.has(name, values) for name, values in wanted.items())
        ]
        return sorted(found, key=lambda each: str(each["begin"]), reverse=True)[:limit]

    def get(self, trace_id: str) -> Sequence[Mapping[str, Any]] | None:
        """The spans of a trace in the order of their begins; None for a trace that is not here."""
        trace = self._traces.get(trace_id)
        if trace is None:
            return None
        return [each.to_json() for each in sorted(trace.spans.values(), key=lambda each: each.start)]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
