"""What telemetry says of consumers: of a batch of the feed, of each stream in it, and of a message of the bus."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from engine.messaging.port import Received
from engine.telemetry import metrics
from engine.telemetry.instruments import ATTEMPT_DURATION, BATCH_SIZE, MESSAGE_DURATION, TIMER_DURATION
from engine.telemetry.logs import about
from engine.telemetry.spans import Attributes, Span, span, unkept

_Items = Sequence[Mapping[str, Any]]


@contextmanager
def attempt(follower: str) -> Iterator[None]:
    """Measures an attempt of a function at a batch of the feed; `follower` names the function as its leases do."""
    with metrics.timed(ATTEMPT_DURATION, {"consumer.name": follower}), metrics.on_behalf_of(f"consumer {follower}"):
        yield


@contextmanager
def batch(consumer: str, streams: Mapping[str, _Items]) -> Iterator[Span]:
    """Begins the span of a batch of the feed: the first of a trace of its own, with a link to every event."""
    items = [item for its_items in streams.values() for item in its_items]
    metrics.record(BATCH_SIZE, len(items), {"consumer.name": consumer})
    attributes: Attributes = {"consumer.name": consumer, "messaging.batch.message_count": len(items)}
    links = [_traceparent(item) for item in items]
    with (
        span(f"process {consumer}", kind="consumer", links=links, attributes=attributes) as its_span,
        metrics.on_behalf_of(f"consumer {consumer}"),
        about(consumer=consumer),
    ):
        yield its_span


@contextmanager
def stream(step: str, consumer: str, stream_id: str, items: _Items, batch: str) -> Iterator[Span]:
    """Begins the span of one stream in a batch: it belongs to the trace of its first event; links name the others."""
    first, *others = [_traceparent(item) for item in items]
    attributes: dict[str, str | int] = {"consumer.name": consumer, "stream.id": stream_id}
    version = items[-1].get("version")
    # A stranger may have written anything there, and a collector refuses a whole request for an integer beyond 64 bits.
    if type(version) is int and version.bit_length() < 64:
        attributes["stream.version"] = version
    parent, links = first or None, [batch, *others]
    with (
        span(f"{step} {consumer}", kind="consumer", parent=parent, links=links, attributes=attributes) as its_span,
        about(stream=stream_id, version=str(attributes.get("stream.version", ""))),
    ):
        yield its_span


@contextmanager
def message(consumer: str, received: Received) -> Iterator[Span]:
    """Begins the span of a message of the bus: it belongs to the trace of what has sent it."""
    described: Attributes = {
        "messaging.system": "servicebus",
        "messaging.operation.type": "process",
        "messaging.destination.name": consumer,
        "messaging.message.id": received.message_id,
        "messaging.message.body.size": len(received.body),
        "messaging.servicebus.message.delivery_count": received.deliveries,
        "stream.id": received.session_id or "",
    }
    parent = str(received.properties.get("traceparent", "")) or None
    with (
        metrics.timed(MESSAGE_DURATION, {"messaging.destination.name": consumer}),
        span(f"process {consumer}", kind="consumer", parent=parent, attributes=described) as its_span,
        metrics.on_behalf_of(f"consumer {consumer}"),
        about(consumer=consumer, messageId=received.message_id, stream=received.session_id or ""),
    ):
        yield its_span


def run(name: str) -> AbstractContextManager[None]:
    """Measures a run of the timer."""
    return metrics.timed(TIMER_DURATION, {"timer.name": name})


@contextmanager
def timer(name: str) -> Iterator[Span]:
    """Begins the span of what a timer has called: the first of a trace of its own."""
    with span(name) as its_span, metrics.on_behalf_of(f"timer {name}"):
        yield its_span


@contextmanager
def measurement() -> Iterator[None]:
    """Keeps no span of a measurement: each minute it would be most of what a service at rest exports."""
    with unkept(), metrics.on_behalf_of("timer measure"):
        yield


def _traceparent(item: Mapping[str, Any]) -> str:
    """Returns the trace of an item of the feed; a stranger may have written anything there."""
    metadata = item.get("metadata")
    return str(metadata.get("traceparent", "")) if isinstance(metadata, Mapping) else ""
