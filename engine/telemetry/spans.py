"""A span is one piece of work in a trace; `span` begins one, and whatever is begun inside of it becomes its child."""

import random
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Final, Literal, NamedTuple, Protocol, Self

Attributes = Mapping[str, str | int | float | bool]
Kind = Literal["internal", "server", "client", "producer", "consumer"]

_NONE: Final[Attributes] = {}


class Begun(NamedTuple):
    """Describes a span, as `span` does."""

    name: str
    kind: Kind = "internal"
    parent: str | None = None
    links: Iterable[str] = ()
    attributes: Attributes = _NONE
    expected: tuple[type[Exception], ...] = ()


class Span(Protocol):
    @property
    def traceparent(self) -> str:
        """Names the span for those that follow from it (W3C Trace Context); empty where it is not traced."""
        ...

    @property
    def is_recording(self) -> bool:
        """Whether what it is told is kept; where it is not, it may as well not be told."""
        ...

    def set(self, attributes: Attributes, /) -> None: ...

    def fail(self, error_type: str, /) -> None:
        """Says that the work has failed, where no error leaves the block."""
        ...

    def link(self, traceparent: str, /) -> None:
        """Adds a link to a span of another trace; what is no traceparent is ignored."""
        ...


class Tracer(Protocol):
    def span(self, begun: Begun) -> AbstractContextManager[Span]: ...

    def ended(self, begun: Begun, began: int) -> None: ...

    def within(self, traceparent: str) -> AbstractContextManager[None]: ...

    def is_recording(self) -> bool: ...

    def current(self) -> str: ...


class _Untraced:
    """Implements `Span` where nothing is traced, and within a trace that is not kept."""

    traceparent: Final = ""
    is_recording: Final = False

    def set(self, _: Attributes, /) -> None: ...

    def fail(self, _: str, /) -> None: ...

    def link(self, _: str, /) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...


UNTRACED: Final = _Untraced()
_here: Final = nullcontext()
_tracer: Tracer | None = None


def use(tracer: Tracer | None) -> None:
    """Makes `tracer` that of this process; with None, nothing is traced any more."""
    global _tracer
    _tracer = tracer


def span(
    name: str,
    *,
    kind: Kind = "internal",
    parent: str | None = None,
    links: Iterable[str] = (),
    attributes: Attributes = _NONE,
    expected: tuple[type[Exception], ...] = (),
) -> AbstractContextManager[Span]:
    """Begins a span, which ends with the block. An error fails it, unless it is one of `expected`: those are answers.

    It is a child of `parent`, a traceparent, or the first span of a trace if that is empty. Without a parent, it is a
    child of the current span, if there is any.
    """
    if _tracer is None or (parent is None and not _tracer.is_recording()):
        return UNTRACED
    return _tracer.span(Begun(name, kind, parent, links, attributes, expected))


def ended(name: str, *, kind: Kind, parent: str | None, began: int, attributes: Attributes = _NONE) -> None:
    """Adds a span for work that has ended now; it began at `began`, in nanoseconds of `time.time_ns`."""
    if _tracer is not None:
        _tracer.ended(Begun(name, kind, parent, attributes=attributes), began)


def are_traced() -> bool:
    """Returns whether a tracer is set up."""
    return _tracer is not None


def current() -> str:
    """Returns the traceparent of the current span; empty where nothing is traced."""
    return "" if _tracer is None else _tracer.current()


def within(traceparent: str) -> AbstractContextManager[None]:
    """Makes the span `traceparent` the current one, for the block."""
    return _here if _tracer is None else _tracer.within(traceparent)


def unkept() -> AbstractContextManager[None]:
    """Makes the block part of a trace that is not kept: what is begun in it becomes no span."""
    return within(f"00-{random.getrandbits(128) or 1:032x}-{random.getrandbits(64) or 1:016x}-00")


def nearest(traceparent: str) -> str | None:
    """Returns the parent for what follows from the span `traceparent`: the current span, if it is of the same trace."""
    if not traceparent:
        return None
    here = current()
    return here if here[3:35] == traceparent[3:35] else traceparent
