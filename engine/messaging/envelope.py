"""What the bodies of messages say: JSON, strict both ways.

An event travels as its item at rest (`engine/storing/items.py`), a command as

    { "commandId": "…", "stream": "guest-…", "type": "DismissGuest", "schema": 1, "data": {…},
      "outcome": true, "expectedVersion": 3 | null, "fingerprint": "…", "actor": "…", "correlationId": "…",
      "causationId": "…", "traceparent": "…" }

Subject, correlation id, `traceparent` and `schema` are repeated as properties of the message, for filters and people;
consumers go by the body alone.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from engine.deciding.aggregate import Aggregate
from engine.messaging.port import Message, Received
from engine.storing.codec import strict_converter
from engine.storing.errors import UndecodableEvent
from engine.storing.events import StoredEvent
from engine.storing.items import from_item, to_item

_SCHEMA: Final = 1
"""Of the command envelope and of all commands in it: a later one is a newer build's."""

_STREAM_ID: Final = re.compile(r"(?P<category>[a-z]+)-[A-Za-z0-9._-]{1,64}", re.ASCII)
_COMMAND_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,100}", re.ASCII)
"""Ours are UUIDs; what Cosmos DB takes as an id of an item is wider, and no more is needed."""


class UnreadableMessage(Exception):
    """Nobody will ever understand this message, or it is not where it belongs; the text says why, for a person."""


class NewerMessage(Exception):
    """A newer build wrote the message: a deployment is under way."""


@dataclass(frozen=True, slots=True)
class CommandEnvelope:
    """A command on its way to `stream_id`. `outcome`: a client waits for what comes of it."""

    command_id: str
    stream_id: str
    command: Any
    fingerprint: str
    actor: str
    correlation_id: str
    causation_id: str
    traceparent: str
    outcome: bool = False
    expected_version: int | None = None


@dataclass(frozen=True, slots=True)
class _Body:
    """The command envelope on the wire."""

    command_id: str
    stream: str
    type: str
    schema: int
    data: Mapping[str, Any]
    outcome: bool
    fingerprint: str
    actor: str
    correlation_id: str
    causation_id: str
    traceparent: str
    expected_version: int | None = None


class EnvelopeCodec:
    """Envelopes to messages and back, for the commands and categories of these aggregates."""

    def __init__(self, aggregates: Iterable[Aggregate[Any, Any, Any]]) -> None:
        self._converter = strict_converter()
        self._aggregates = {aggregate.category: aggregate for aggregate in aggregates}
        self._names = {cls: name for each in self._aggregates.values() for name, cls in each.commands.items()}

    def aggregate_of(self, stream_id: str) -> Aggregate[Any, Any, Any]:
        """Raises UnreadableMessage for what is no id of a stream of a known kind."""
        match = _STREAM_ID.fullmatch(stream_id)
        aggregate = self._aggregates.get(match["category"]) if match else None
        if aggregate is None:
            raise UnreadableMessage(f"{stream_id!r} is the id of no stream that this service has")
        return aggregate

    def command_message(self, envelope: CommandEnvelope, due: datetime | None = None) -> Message:
        """The message id is the command's, and the session its target stream."""
        name = self._names[type(envelope.command)]
        body = _Body(
            command_id=envelope.command_id,
            stream=envelope.stream_id,
            type=name,
            schema=_SCHEMA,
            data=self._converter.unstructure(envelope.command),
            outcome=envelope.outcome,
            fingerprint=envelope.fingerprint,
            actor=envelope.actor,
            correlation_id=envelope.correlation_id,
            causation_id=envelope.causation_id,
            traceparent=envelope.traceparent,
            expected_version=envelope.expected_version,
        )
        return Message(
            message_id=envelope.command_id,
            session_id=envelope.stream_id,
            subject=name,
            body=_to_json(self._converter.unstructure(body)),
            correlation_id=envelope.correlation_id,
            properties={"traceparent": envelope.traceparent, "schema": _SCHEMA},
            due=due,
        )

    def read_command(self, received: Received) -> CommandEnvelope:
        """Raises UnreadableMessage and NewerMessage."""
        return self.command_of(body_of(received), received.session_id)

    def command_of(self, body: Mapping[str, Any], session_id: str | None) -> CommandEnvelope:
        """The command in a body that is an object already. Raises UnreadableMessage and NewerMessage."""
        schema = body.get("schema")
        if type(schema) is int and schema > _SCHEMA:
            raise NewerMessage(f"a command of schema {schema}, which this build does not know")
        read: _Body = self._structured(body, _Body, "its body is no command")
        if not _COMMAND_ID.fullmatch(read.command_id):
            raise UnreadableMessage(f"{read.command_id!r} is no id of a command")
        if session_id != read.stream:
            raise UnreadableMessage(f"a command for stream {read.stream!r} came in session {session_id!r}")
        command_class = self.aggregate_of(read.stream).commands.get(read.type)
        if command_class is None:
            raise UnreadableMessage(f"there is no command {read.type!r} for stream {read.stream}")
        return CommandEnvelope(
            command_id=read.command_id,
            stream_id=read.stream,
            command=self._structured(read.data, command_class, f"its data is no {read.type}"),
            fingerprint=read.fingerprint,
            actor=read.actor,
            correlation_id=read.correlation_id,
            causation_id=read.causation_id,
            traceparent=read.traceparent,
            outcome=read.outcome,
            expected_version=read.expected_version,
        )

    def _structured(self, data: Mapping[str, Any], as_class: type, complaint: str) -> Any:
        try:
            return self._converter.structure(data, as_class)
        except Exception as error:  # whatever a converter stumbles over, the data is why
            raise UnreadableMessage(f"{complaint}: {type(error).__name__}: {error}") from error


def event_message(event: StoredEvent, *, message_id: str, session_id: str) -> Message:
    return Message(
        message_id=message_id,
        session_id=session_id,
        subject=event.type,
        body=_to_json(to_item(event)),
        correlation_id=event.metadata.correlation_id,
        properties={"traceparent": event.metadata.traceparent, "schema": event.schema},
    )


def read_event(received: Received) -> StoredEvent:
    """The event in the message, not decoded. Raises UnreadableMessage."""
    return event_of(body_of(received))


def event_of(body: Mapping[str, Any]) -> StoredEvent:
    """The event in a body that is an object already. Raises UnreadableMessage."""
    try:
        return from_item(body)
    except UndecodableEvent as error:
        raise UnreadableMessage(f"its body is no event: {error}") from error


def body_of(received: Received) -> Mapping[str, Any]:
    """The body as a JSON object. Raises UnreadableMessage."""
    try:
        body = json.loads(received.body)
    except (ValueError, RecursionError) as error:
        raise UnreadableMessage(f"its body is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise UnreadableMessage("its body is not a JSON object")
    return body


def _to_json(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
