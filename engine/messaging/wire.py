"""The bodies of messages are JSON, and are written and read strictly.

An event travels as its item at rest (`engine/storing/items.py`), a command as

    { "commandId": "…", "stream": "guest-…", "type": "DismissGuest", "schema": 1, "data": {…}, "dataSchema": 2,
      "outcome": true, "expectedVersion": 3 | null, "fingerprint": "…", "actor": "…", "correlationId": "…",
      "causationId": "…", "traceparent": "…" }

and several commands for one stream as a bundle, `{ "schema": 2, "commands": [ … ] }`. `dataSchema` is the schema of the
command's class, and is left out while it is 1.

Subject, correlation id, `traceparent` and `schema` are repeated as properties of the message, for filters and
operators; a bundle has the correlation id and `traceparent` of its first command. The property `vocabulary` says what
the sender can say; it is no part of the body, since builds that do not know it would refuse the body.
"""

import json
import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from types import NoneType
from typing import Any, Final, NamedTuple, NoReturn

from engine.deciding.aggregate import Aggregate
from engine.messaging.envelope import CommandEnvelope, Origin
from engine.messaging.port import Message, Received
from engine.storing.converter import Converter
from engine.storing.errors import UndecodableEvent
from engine.storing.events import StoredEvent
from engine.storing.items import from_item, to_item

_SINGLE: Final = 1
_BUNDLE: Final = 2
"""These are the schemas of the body of a command message: one command, or several for one stream."""

MOST_IN_A_BUNDLE: Final = 50

BUNDLE_BYTES: Final = 180 * 1024
"""The commands of a bundle are no larger together: with all else that a message carries, it fits into one batch."""

_BUNDLES: Final = uuid.UUID("5b1f6c1e-6d5c-5f0e-9a55-0c4f9d1b7e32")
"""This is the namespace of the ids of bundles, which are derived from those of their commands."""

VOCABULARY: Final = "vocabulary"
"""This application property holds the vocabulary of the sender; a message of a build that had none counts as 0."""

_STREAM_ID: Final = re.compile(r"(?P<category>[a-z]+)-[A-Za-z0-9._-]{1,64}", re.ASCII)
_COMMAND_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,100}", re.ASCII)
"""The service creates UUIDs. Cosmos DB accepts more as the id of an item, but no more is needed."""


class UnreadableMessage(Exception):
    """Is raised when no build can understand a message, or it came to the wrong place; the text says why."""


class UnreadableMember(Exception):
    """Is raised when a command in a bundle cannot be read: the commands behind it in its session wait for it."""


_TEXTS: Final = ("commandId", "stream", "type", "fingerprint", "actor", "correlationId", "causationId", "traceparent")
_FIELDS: Final[Mapping[str, tuple[type, ...]]] = {
    **dict.fromkeys(_TEXTS, (str,)),
    "schema": (int,),
    "data": (dict,),
    "dataSchema": (int,),
    "outcome": (bool,),
    "expectedVersion": (int, NoneType),
}
"""A command message has these fields, of these types, and no others; those in `_OPTIONAL` may be missing."""

_OPTIONAL: Final = {"expectedVersion": None, "dataSchema": 1}


class EnvelopeCodec:
    """Turns command envelopes into messages and back, for the commands and categories of these aggregates."""

    def __init__(self, aggregates: Iterable[Aggregate[Any, Any, Any]]) -> None:
        self._converter = Converter()
        self._aggregates = {aggregate.category: aggregate for aggregate in aggregates}
        self._names = {cls: name for each in self._aggregates.values() for name, cls in each.command_classes.items()}
        self._upcasters = {cls: lift for each in self._aggregates.values() for cls, lift in each.upcasters.items()}
        self.vocabulary = sum(each.vocabulary for each in self._aggregates.values())

    def aggregate_of(self, stream_id: str) -> Aggregate[Any, Any, Any]:
        """Returns the aggregate of a stream. Raises UnreadableMessage if no aggregate has such stream ids."""
        match = _STREAM_ID.fullmatch(stream_id)
        aggregate = self._aggregates.get(match["category"]) if match else None
        if aggregate is None:
            raise UnreadableMessage(f"{stream_id!r} is the id of no stream that this service has")
        return aggregate

    def command_message(self, envelope: CommandEnvelope, due: datetime | None = None) -> Message:
        """Returns the message of an envelope: its message id is the command id, and its session the target stream.

        The bus delivers it at `due`. Raises KeyError for a command that may not travel on the bus.
        """
        name, origin = self._names[type(envelope.command)], envelope.origin
        body = {
            "commandId": envelope.command_id,
            "stream": envelope.stream_id,
            "type": name,
            "schema": _SINGLE,
            "data": self._converter.encode(envelope.command),
            "outcome": envelope.outcome,
            "fingerprint": envelope.fingerprint,
            "actor": origin.actor,
            "correlationId": origin.correlation_id,
            "causationId": origin.causation_id,
            "traceparent": origin.traceparent,
            "expectedVersion": envelope.expected_version,
        }
        if upcasters := self._upcasters.get(type(envelope.command)):
            body["dataSchema"] = len(upcasters) + 1
        return Message(
            message_id=envelope.command_id,
            session_id=envelope.stream_id,
            subject=name,
            body=_to_json(body),
            correlation_id=origin.correlation_id,
            properties={"traceparent": origin.traceparent, "schema": _SINGLE, VOCABULARY: self.vocabulary},
            due=due,
        )

    def read_commands(self, received: Received) -> Sequence[CommandEnvelope]:
        """Returns the command in the message, or all commands of a bundle.

        Raises UnreadableMessage, and UnreadableMember for a bundle.
        """
        body = body_of(received)
        if body.get("schema") != _BUNDLE:
            return [self.command_of(body, received.session_id)]
        members = body.get("commands")
        if body.keys() != {"schema", "commands"} or not isinstance(members, list):
            raise UnreadableMember("its body is no bundle: it holds `schema` and a list of `commands`, and no more")
        if not 1 <= len(members) <= MOST_IN_A_BUNDLE:
            raise UnreadableMember(f"its bundle has {len(members)} commands, not 1 to {MOST_IN_A_BUNDLE}")
        try:
            return [self.command_of(member, received.session_id) for member in members]
        except UnreadableMessage as error:
            raise UnreadableMember(f"a command of its bundle cannot be read: {error}") from error

    def command_of(self, body: Mapping[str, Any], session_id: str | None) -> CommandEnvelope:
        """Returns the command envelope in a body that is parsed already. Raises UnreadableMessage."""
        read = _checked(body)
        if read["schema"] != _SINGLE:
            raise UnreadableMessage(f"its body has schema {read['schema']}, which this build does not know")
        command_id, stream_id, type_ = read["commandId"], read["stream"], read["type"]
        if not _COMMAND_ID.fullmatch(command_id):
            raise UnreadableMessage(f"{command_id!r} is no id of a command")
        if session_id != stream_id:
            raise UnreadableMessage(f"a command for stream {stream_id!r} came in session {session_id!r}")
        command_class = self.aggregate_of(stream_id).command_classes.get(type_)
        if command_class is None:
            raise UnreadableMessage(f"there is no command {type_!r} for stream {stream_id}")
        return CommandEnvelope(
            stream_id=stream_id,
            command=self._decoded(read["data"], read["dataSchema"], command_class),
            command_id=command_id,
            fingerprint=read["fingerprint"],
            origin=Origin(read["actor"], read["correlationId"], read["causationId"], read["traceparent"]),
            expected_version=read["expectedVersion"],
            outcome=read["outcome"],
        )

    def _decoded(self, data: Mapping[str, Any], schema: int, as_class: type) -> Any:
        upcasters, name = self._upcasters.get(as_class, ()), self._names[as_class]
        if not 1 <= schema <= len(upcasters) + 1:
            raise UnreadableMessage(f"its data is {name} of schema {schema}, which this build does not know")
        try:
            for upcast in upcasters[schema - 1 :]:
                data = upcast(data)
            return self._converter.decode(data, as_class)
        except Exception as error:  # every error of an upcaster or a converter comes from the data
            raise UnreadableMessage(f"its data is no {name}") from error


def _checked(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns the fields of a command. Raises UnreadableMessage where one is missing, unknown, or of another type."""
    if not isinstance(body, dict):
        raise UnreadableMessage("its body is no command, but another JSON value")
    read = {**_OPTIONAL, **body}
    for name, types in _FIELDS.items():
        # By `type`, not isinstance, which accepts a bool as an int.
        if type(read.get(name, ...)) not in types:
            raise UnreadableMessage(f"its body is no command: {name} is missing, or of another type")
    if unknown := sorted(read.keys() - _FIELDS.keys()):
        raise UnreadableMessage(f"its body is no command: nothing is known of {', '.join(unknown)}")
    return read


class Sending(NamedTuple):
    """Holds a message as it is sent, and the messages that it stands for: itself, or the commands of a bundle."""

    message: Message
    members: Sequence[Message]


def singly(messages: Iterable[Message]) -> Sequence[Sending]:
    """Returns messages that are sent as they are."""
    return [Sending(each, [each]) for each in messages]


def bundled(commands: Iterable[Message]) -> Sequence[Sending]:
    """Returns command messages as they are sent: those for one stream in bundles, in their order.

    A command that is alone, or is due later, stays a message of its own.
    """
    groups: list[list[Message]] = []
    open_groups: dict[str | None, list[Message]] = {}
    for command in commands:
        group = open_groups.get(command.session_id)
        if command.due is None and group is not None and _has_room(group, command):
            group.append(command)
            continue
        groups.append([command])
        if command.due is None:
            open_groups[command.session_id] = groups[-1]
    return [_sending(group) for group in groups]


def _has_room(group: Sequence[Message], command: Message) -> bool:
    size = sum(len(each.body) for each in group) + len(command.body)
    return len(group) < MOST_IN_A_BUNDLE and size <= BUNDLE_BYTES


def _sending(members: Sequence[Message]) -> Sending:
    first, *others = members
    if not others:
        return Sending(first, members)
    bundle = replace(
        first,
        message_id=str(uuid.uuid5(_BUNDLES, "/".join(each.message_id for each in members))),
        subject="Bundle",
        body=b'{"schema":%d,"commands":[%b]}' % (_BUNDLE, b",".join(each.body for each in members)),
        properties={**first.properties, "schema": _BUNDLE},
    )
    return Sending(bundle, members)


def event_message(event: StoredEvent, *, message_id: str, session_id: str, vocabulary: int) -> Message:
    """Returns the message of an event, with its item at rest as the body; `vocabulary` is that of the sender."""
    return Message(
        message_id=message_id,
        session_id=session_id,
        subject=event.type,
        body=_to_json(to_item(event)),
        correlation_id=event.metadata.correlation_id,
        properties={"traceparent": event.metadata.traceparent, "schema": event.schema, VOCABULARY: vocabulary},
    )


def read_event(received: Received) -> StoredEvent:
    """Returns the stored event in the message. Raises UnreadableMessage."""
    return event_of(body_of(received))


def event_of(body: Mapping[str, Any]) -> StoredEvent:
    """Returns the stored event in a body that is parsed already. Raises UnreadableMessage."""
    try:
        return from_item(body)
    except UndecodableEvent as error:
        raise UnreadableMessage(f"its body is no event: {error}") from error


def vocabulary_of(received: Received) -> int:
    """Returns the vocabulary of the sender; 0 for a build that had none, and for what is no number."""
    vocabulary = received.properties.get(VOCABULARY)
    return vocabulary if type(vocabulary) is int else 0


def body_of(received: Received) -> Mapping[str, Any]:
    """Returns the body as a JSON object. Raises UnreadableMessage."""
    try:
        body = json.loads(received.body)
    except (ValueError, RecursionError) as error:
        raise UnreadableMessage(f"its body is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise UnreadableMessage("its body is not a JSON object")
    return body


def readable(body: bytes) -> Any:
    """Returns a body as an operator reads it: as JSON, or else as text, or else as its bytes in hexadecimal."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return body.hex()
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return text


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def _to_json(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
