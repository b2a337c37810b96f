"""What is traced and measured is only noted at first; a thread makes OpenTelemetry's spans and metrics of the notes.

To begin and end a span takes the SDK some 40 microseconds of a processor with other things in its caches, and a metric
half as long: a tenth of a warm command and more. A note takes a twentieth of that, and the thread works while the
commands wait for their store.
"""

import random
import re
import time
from collections import deque
from collections.abc import Callable
from contextvars import ContextVar
from types import TracebackType
from typing import Final, Self

from engine.telemetry.held import Held
from engine.telemetry.metrics import Measurement
from engine.telemetry.spans import Attributes, Begun

MOST_NOTES: Final = 20_000
"""When more notes than these wait, the oldest are dropped."""

TRACEPARENT: Final = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")

IsSampled = Callable[[str, str], bool]
"""Decides by trace id and name whether a trace that begins here is kept."""


class NotedSpan:
    """Implements `Span` in a trace that is kept. Its parent is a traceparent, empty for the first span of a trace."""

    __slots__ = (
        *("_notes", "_token", "attributes", "begun", "ended_at", "failed"),
        *("links", "parent", "span_id", "started_at", "trace_id"),
    )

    is_recording: Final = True

    def __init__(self, notes: "deque[Note]", begun: Begun, trace_id: str, parent: str, started_at: int) -> None:
        self._notes = notes
        self.begun = begun
        self.trace_id = trace_id
        self.span_id = f"{random.getrandbits(64) or 1:016x}"
        self.parent = parent
        self.links = list(begun.links)
        self.attributes = dict(begun.attributes)
        self.failed = False
        self.started_at = started_at
        self.ended_at = 0

    @property
    def traceparent(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-01"

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
        self._notes.append(self)

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


class UnkeptSpan:
    """Implements `Span` in a trace that is not kept: the first one stands for all that follow from it."""

    __slots__ = ("_held", "traceparent")

    is_recording: Final = False

    def __init__(self, traceparent: str) -> None:
        self.traceparent = traceparent
        self._held = Held(_current, traceparent)

    def set(self, _: Attributes, /) -> None: ...

    def fail(self, _: str, /) -> None: ...

    def link(self, _: str, /) -> None: ...

    def __enter__(self) -> Self:
        self._held.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._held.__exit__()


def _is_kept(traceparent: str) -> bool:
    """Reads the flag of the trace: https://www.w3.org/TR/trace-context/#sampled-flag."""
    return traceparent[-1] in "13579bdf"


Note = NotedSpan | Measurement

_current: Final = ContextVar("current", default="")


class Noting:
    """Implements `Tracer`. `outer()` returns the span that the platform has begun, if it has."""

    def __init__(self, is_sampled: IsSampled, outer: Callable[[], str]) -> None:
        self.notes: deque[Note] = deque(maxlen=MOST_NOTES)
        self.is_sampled = is_sampled
        self._outer = outer

    def span(self, begun: Begun, began: int = 0) -> NotedSpan | UnkeptSpan:
        """Returns a span that began at `began`, in nanoseconds of `time.time_ns`; 0 is now."""
        parent = begun.parent
        if parent is None or (parent and not TRACEPARENT.fullmatch(parent)):
            parent = self.current()
        if parent:
            if not _is_kept(parent):
                return UnkeptSpan(parent)
            trace_id = parent[3:35]
        else:
            trace_id = f"{random.getrandbits(128) or 1:032x}"
            if not self.is_sampled(trace_id, begun.name):
                return UnkeptSpan(f"00-{trace_id}-{trace_id[16:]}-00")
        return NotedSpan(self.notes, begun, trace_id, parent, began or time.time_ns())

    def ended(self, begun: Begun, began: int) -> None:
        span = self.span(begun, began)
        if isinstance(span, NotedSpan):
            span.end()

    def is_recording(self) -> bool:
        """Returns False in a trace that is not kept; where none has begun, its first span decides."""
        current = self.current()
        return not current or _is_kept(current)

    def within(self, traceparent: str) -> Held:
        return Held(_current, traceparent)

    def current(self) -> str:
        return _current.get() or self._outer()
