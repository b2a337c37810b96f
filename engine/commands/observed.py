"""What telemetry says of a command, and of the turn in which it is carried out with others."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from engine.commands.group import Member
from engine.commands.refusals import REFUSED
from engine.errors import Unavailable
from engine.messaging.envelope import CommandEnvelope
from engine.telemetry import metrics
from engine.telemetry.instruments import COMMAND_DURATION, GROUP_SIZE
from engine.telemetry.spans import Attributes, Span, nearest, span


class Observed(NamedTuple):
    """Holds the envelope of a command, whose events belong to the trace at `span`."""

    envelope: CommandEnvelope
    span: Span


@contextmanager
def command(envelope: CommandEnvelope) -> Iterator[Observed]:
    """Begins the span of a command, and measures it. A refusal is an answer, not a failure."""
    name, origin = type(envelope.command).__name__, envelope.origin
    source = "client" if origin.causation_id == envelope.command_id else "process"
    named = {"command.type": name, "command.source": source}
    began, outcome = time.perf_counter(), "failed"
    described = {**named, "command.id": envelope.command_id, "stream.id": envelope.stream_id}
    traced = span(
        f"handle {name}",
        parent=nearest(origin.traceparent),
        attributes={**described, "correlation.id": origin.correlation_id},
        expected=REFUSED,
    )
    try:
        with traced as its_span:
            if its_span.traceparent:
                envelope = envelope._replace(origin=origin._replace(traceparent=its_span.traceparent))
            yield Observed(envelope, its_span)
        outcome = "done"
    except REFUSED:
        outcome = "refused"
        raise
    except Unavailable:
        outcome = "unavailable"
        raise
    finally:
        metrics.record(COMMAND_DURATION, time.perf_counter() - began, {**named, "command.outcome": outcome})


@contextmanager
def turn(group: Sequence[Member]) -> Iterator[Span]:
    """Begins the span of a turn: a child of the first command's, to which those of the others have links."""
    first, *others = group
    category, name = first.aggregate.category, type(first.envelope.command).__name__
    metrics.record(GROUP_SIZE, len(group), {"stream.category": category})
    attributes: Attributes = {"stream.id": first.envelope.stream_id, "group.size": len(group)}
    with (
        span(f"turn {category}", parent=first.envelope.origin.traceparent, attributes=attributes) as its_span,
        metrics.on_behalf_of(f"command {name}"),
    ):
        for other in others:
            other.span.link(its_span.traceparent)
        yield its_span
