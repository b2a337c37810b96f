"""What telemetry says of a command, and of the turn in which it is carried out with others."""

import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

from engine.commands.group import Member
from engine.commands.refusals import REFUSED
from engine.errors import Unavailable
from engine.messaging.envelope import CommandEnvelope, Origin
from engine.telemetry import metrics
from engine.telemetry.instruments import (
    APPEND_DURATION,
    CACHE_REQUESTS,
    COMMAND_DURATION,
    CONFLICTS,
    GROUP_SIZE,
    LOADS,
)
from engine.telemetry.logs import about
from engine.telemetry.spans import UNTRACED, Attributes, Span, are_traced, nearest, span, within


@contextmanager
def command(envelope: CommandEnvelope) -> Iterator[tuple[CommandEnvelope, Span]]:
    """Begins the span of a command, and yields it with the envelope, whose events belong to the trace at the span."""
    name, origin = type(envelope.command).__name__, envelope.origin
    with about(stream=envelope.stream_id, correlation=origin.correlation_id, causation=origin.causation_id):
        if not are_traced():
            yield envelope, UNTRACED
            return
        named = {"command.type": name, "command.source": _source(envelope)}
        ids = {
            "command.id": envelope.command_id,
            "stream.id": envelope.stream_id,
            "correlation.id": origin.correlation_id,
        }
        parent = nearest(origin.traceparent)
        with _Measured(named), span(f"handle {name}", parent=parent, attributes=named | ids, expected=REFUSED) as begun:
            yield _traced(envelope, begun.traceparent), begun


@contextmanager
def turn(group: Sequence[Member]) -> Iterator[None]:
    """Makes what a turn asks of the store belong to the span of its first command, to which the others have links.

    The task of a stream was begun by a command that may have its answer by now.
    """
    if not are_traced():
        yield
        return
    first, *others = group
    metrics.record(GROUP_SIZE, len(group), {"stream.category": first.aggregate.category})
    for other in others:
        other.span.link(first.span.traceparent)
        other.span.set({"group.size": len(group)})
    first.span.set({"group.size": len(group)})
    with within(first.span.traceparent), metrics.on_behalf_of(f"command {type(first.envelope.command).__name__}"):
        yield


def remembered(category: str) -> None:
    """Tells that the state of a stream was in the memory of the process."""
    metrics.record(CACHE_REQUESTS, 1, {"stream.category": category, "cache.result": "hit"})


@contextmanager
def load(category: str) -> Iterator[None]:
    """Begins the span of a load of what was not in the memory of the process, and measures it."""
    metrics.record(CACHE_REQUESTS, 1, {"stream.category": category, "cache.result": "miss"})
    began = time.perf_counter()
    with span("load"):
        yield
    metrics.record(LOADS, time.perf_counter() - began, {"stream.category": category})


def append(category: str) -> AbstractContextManager[None]:
    """Measures an attempt to append."""
    return metrics.timed(APPEND_DURATION, {"stream.category": category})


def conflict(group: Sequence[Member], lost: int) -> None:
    """Tells that another writer of the stream has won, for the time number `lost` in this turn."""
    if are_traced():
        metrics.record(CONFLICTS, 1, {"stream.category": group[0].aggregate.category})
        for member in group:
            member.span.set({"append.conflicts": lost})


def _traced(envelope: CommandEnvelope, traceparent: str) -> CommandEnvelope:
    """Returns the envelope in the trace; where it is there already, as in a trace that is not kept, itself."""
    origin = envelope.origin
    if origin.traceparent == traceparent:
        return envelope
    traced = Origin(origin.actor, origin.correlation_id, origin.causation_id, traceparent)
    return envelope._replace(origin=traced)


def _source(envelope: CommandEnvelope) -> str:
    """Tells commands of clients, which begin a conversation, from those that a process has issued."""
    return "client" if envelope.origin.causation_id == envelope.command_id else "process"


class _Measured:
    """Records how long a command takes, under its outcome. A class, for the reason that `Held` is one."""

    __slots__ = ("_began", "_named")

    def __init__(self, named: Attributes) -> None:
        self._named = named

    def __enter__(self) -> None:
        self._began = time.perf_counter()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        taken = time.perf_counter() - self._began
        metrics.record(COMMAND_DURATION, taken, {**self._named, "command.outcome": _outcome(kind)})


def _outcome(kind: type[BaseException] | None) -> str:
    if kind is None:
        return "done"
    if issubclass(kind, REFUSED):
        return "refused"
    return "unavailable" if issubclass(kind, Unavailable) else "failed"
