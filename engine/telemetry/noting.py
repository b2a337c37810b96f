"""What is traced and measured is only noted at first; a thread makes OpenTelemetry's spans and metrics of the notes.

To begin and end a span takes the SDK some 40 microseconds of a processor with other things in its caches, and a metric
half as long: a tenth of a warm command and more. A note takes a twentieth of that, and the thread works while the
commands wait for their store.
"""

import random
import re
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import TracebackType
from typing import Final, Self

from engine.telemetry.instruments import Instrument
from engine.telemetry.spans import Attributes, Begun

MOST_NOTES: Final = 20_000
"""When more notes than these wait, the oldest are dropped."""

TRACEPARENT: Final = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")

IsSampled = Callable[[str, str], bool]
"""Decides by trace id and name whether a trace that begins here is kept."""


class NotedSpan:
    """Implements `Span`. Its parent is a traceparent, empty for the first span of a trace."""

    __slots__ = (
        *("_noting", "_token", "attributes", "begun", "ended_at", "failed"),
        *("links", "parent", "sampled", "span_id", "started_at", "trace_id"),
    )

    def __init__(self, noting: "Noting", begun: Begun, parent: str, started_at: int) -> None:
        self._noting = noting
        self.begun = begun
        self.parent = parent
        self.started_at = started_at
        self.ended_at = 0
        self.failed = False
        self.span_id = f"{random.getrandbits(64) or 1:016x}"
        self.attributes = dict(begun.attributes)
        self.links = list(begun.links)
        if parent:
            self.trace_id, self.sampled = parent[3:35], bool(int(parent[53:55], 16) & 1)
        else:
            self.trace_id = f"{random.getrandbits(128) or 1:032x}"
            self.sampled = noting.is_sampled(self.trace_id, begun.name)

    @property
    def traceparent(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-0{self.sampled:d}"

    def set(self, attributes: Attributes, /) -> None:
        self.attributes.update(attributes)

    def fail(self, error_type: str, /) -> None:
        self.failed = True
        # Application Insights shows the latter alone: it takes the former for a part of its own columns.
        self.attributes |= {"error.type": error_type, "failure.type": error_type}

    def link(self, traceparent: str, /) -> None:
        self.links.append(traceparent)

    def end(self) -> None:
        self.ended_at = time.time_ns()
        if self.sampled:
            self._noting.notes.append(self)

    def __enter__(self) -> Self:
        self._token = _current.set(self.traceparent)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        _current.reset(self._token)
        if kind is not None:
            # By its type alone: its text may hold what a user wrote.
            if issubclass(kind, self.begun.expected):
                self.attributes["answer.type"] = kind.__name__
            else:
                self.fail(kind.__name__)
        self.end()


Note = NotedSpan | tuple[Instrument, float, Attributes]

_current: Final = ContextVar("current", default="")


class Noting:
    """Implements `Tracer` and `Meter`. `outer()` returns the span that the platform has begun, if it has."""

    def __init__(self, is_sampled: IsSampled, outer: Callable[[], str]) -> None:
        self.notes: deque[Note] = deque(maxlen=MOST_NOTES)
        self.is_sampled = is_sampled
        self._outer = outer

    def span(self, begun: Begun) -> NotedSpan:
        parent = begun.parent if TRACEPARENT.fullmatch(begun.parent) else self.current()
        return NotedSpan(self, begun, parent, time.time_ns())

    def ended(self, begun: Begun, began: int) -> None:
        parent = begun.parent if TRACEPARENT.fullmatch(begun.parent) else self.current()
        NotedSpan(self, begun, parent, began).end()

    @contextmanager
    def within(self, traceparent: str) -> Iterator[None]:
        token = _current.set(traceparent)
        try:
            yield
        finally:
            _current.reset(token)

    def current(self) -> str:
        return _current.get() or self._outer()

    def record(self, instrument: Instrument, value: float, attributes: Attributes) -> None:
        self.notes.append((instrument, value, attributes))
