"""Messages between the wire and the store: what a sender's bytes say, and the bytes that a receiver gets.

The bare message passes through as it was sent. Header and annotations are read and written anew.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

from emulators.amqp.decoding import decode
from emulators.amqp.encoding import FIELD_TYPES, encode
from emulators.amqp.message import (
    APPLICATION_PROPERTIES,
    DATA,
    HEADER,
    MESSAGE_ANNOTATIONS,
    PROPERTIES,
    encode_section,
    split,
)
from emulators.amqp.performatives import Header, Properties
from emulators.amqp.values import DecodeError, Symbol
from emulators.servicebus.properties import MessageProperties
from emulators.servicebus.store import StoredMessage

# The message format of a batch: its data sections are messages.
BATCH_FORMAT: Final = 0x80013700
# The limit of the standard tier and of the official emulator.
MAX_MESSAGE_SIZE: Final = 256 * 1024

_SCHEDULED_TIME: Final = "x-opt-scheduled-enqueue-time"
_WRITTEN_BY_THE_BROKER: Final = {
    "x-opt-enqueued-time",
    "x-opt-sequence-number",
    "x-opt-enqueue-sequence-number",
    "x-opt-locked-until",
    "x-opt-message-state",
    "x-opt-deadletter-source",
}
_NO_PROPERTIES: Final = Properties()
_NO_HEADER: Final = Header()
_MAX_UINT: Final = 0xFFFF_FFFF


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message that a client sent. Times are milliseconds; `annotations` are encoded as the store keeps them."""

    body: bytes
    properties: Properties = _NO_PROPERTIES
    time_to_live: int | None = None
    due: int | None = None
    durable: bool | None = None
    priority: int | None = None
    annotations: bytes = b""

    @property
    def session(self) -> str | None:
        return self.properties.group_id

    @property
    def message_id(self) -> str | None:
        """As duplicate detection compares it."""
        return None if self.properties.message_id is None else str(self.properties.message_id)

    def limited_to(self, default: timedelta | None) -> Incoming:
        """With a time to live of at most the default of an entity."""
        if default is None:
            return self
        milliseconds = int(default.total_seconds() * 1000)
        if self.time_to_live is not None and self.time_to_live <= milliseconds:
            return self
        return replace(self, time_to_live=milliseconds)

    def filterable(self) -> MessageProperties:
        return MessageProperties(self.properties, lambda: _application_properties(self.body))

    def header(self) -> bytes:
        """The first four fields of the header that receivers get, encoded."""
        time_to_live = self.time_to_live
        if time_to_live is None and self.durable is None and self.priority is None:
            return b"\x40\x40\x40\x40"
        fields = (
            ("?", self.durable),
            ("B", self.priority),
            ("I", None if time_to_live is None else min(time_to_live, _MAX_UINT)),
            ("?", None),
        )
        return b"".join(b"\x40" if value is None else FIELD_TYPES[letter](value) for letter, value in fields)


def read_message(raw: bytes) -> Incoming:
    """What a sender's bytes say. Raises DecodeError."""
    properties, header, annotations, due, bare = _NO_PROPERTIES, _NO_HEADER, b"", None, None
    for section in split(raw):
        if bare is None and section.code >= PROPERTIES:
            bare = section.start
        if section.code == PROPERTIES:
            properties = decode(raw, section.start)[0]
        elif section.code == HEADER:
            header = decode(raw, section.start)[0]
        elif section.code == MESSAGE_ANNOTATIONS:
            due, annotations = _kept_annotations(decode(raw, section.value)[0])
    if not isinstance(properties, Properties) or not isinstance(header, Header):
        raise DecodeError("the header or the properties of the message are no list")
    if properties.group_id is not None and not isinstance(properties.group_id, str):
        raise DecodeError("the group-id of the message is no string")
    return Incoming(
        raw if bare == 0 else raw[bare:] if bare is not None else b"",
        properties,
        header.ttl,
        due,
        header.durable,
        header.priority,
        annotations,
    )


def read_batch(raw: bytes) -> list[Incoming]:
    """The messages of a batch, in order. Raises DecodeError."""
    return [read_message(decode(raw, section.value)[0]) for section in split(raw) if section.code == DATA]


def stored_as_incoming(message: StoredMessage) -> Incoming:
    """A message out of the store, to be sent once more: a scheduled one whose time has come."""
    encoded = b"\x00\x53\x70\xc0" + bytes((len(message.header) + 1, 4)) + message.header
    header = decode(encoded)[0]
    read = read_message(message.body)
    return replace(
        read,
        time_to_live=header.ttl,
        durable=header.durable,
        priority=header.priority,
        annotations=message.annotations,
    )


def _kept_annotations(found: Any) -> tuple[int | None, bytes]:
    """The time for which the message is scheduled, and the annotations that are passed on."""
    if not isinstance(found, dict):
        raise DecodeError("the annotations of the message are no map")
    kept = {key: value for key, value in found.items() if key not in _WRITTEN_BY_THE_BROKER}
    due = kept.get(_SCHEDULED_TIME)
    if due is not None and not isinstance(due, int):
        raise DecodeError(f"{_SCHEDULED_TIME} is no timestamp")
    return due, add_annotations(b"", kept)


def add_annotations(encoded: bytes, more: Mapping[str, Any]) -> bytes:
    """Annotations as the store keeps them: how many, in one byte, then keys and values; empty for none."""
    if not more:
        return encoded
    count = (encoded[0] if encoded else 0) + len(more)
    if count > 255:
        raise DecodeError(f"{count} annotations on one message")
    pairs = (encode(Symbol(key)) + encode(value) for key, value in more.items())
    return bytes((count,)) + encoded[1:] + b"".join(pairs)


def _application_properties(body: bytes) -> dict[Any, Any]:
    for section in split(body):
        if section.code == APPLICATION_PROPERTIES:
            content = decode(body, section.value)[0]
            return content if isinstance(content, dict) else {}
    return {}


def with_application_properties(body: bytes, changes: Mapping[str, Any]) -> bytes:
    """A bare message whose application properties are changed; everything else stays byte for byte."""
    if not changes:
        return body
    merged = encode_section(APPLICATION_PROPERTIES, _application_properties(body) | dict(changes))
    start = end = 0
    for section in split(body):
        if section.code == PROPERTIES:
            start = end = section.end
        elif section.code == APPLICATION_PROPERTIES:
            start, end = section.start, section.end
    return body[:start] + merged + body[end:]


def _annotation(name: str, code: int) -> bytes:
    return encode(Symbol(name)) + bytes((code,))


_STAMPS: Final = _annotation("x-opt-enqueued-time", 0x83)
_SEQUENCE: Final = _annotation("x-opt-sequence-number", 0x81)
_STATE: Final = _annotation("x-opt-message-state", 0x71)
_LOCKED: Final = _annotation("x-opt-locked-until", 0x83)
_pack_alike: Final = struct.Struct(f">{len(_STAMPS)}sq{len(_SEQUENCE)}sq{len(_STATE)}si").pack
_pack_sizes: Final = struct.Struct(">II").pack
_pack_count: Final = struct.Struct(">BI").pack
_pack_time: Final = struct.Struct(">q").pack


def write_message(message: StoredMessage, locked_until: int | None) -> bytes:
    """The bytes that a receiver gets: header and annotations, then what the sender sent.

    The delivery count is there even when it is 0: clients take an absent one for none.
    """
    annotations = message.annotations
    pairs = _pack_alike(_STAMPS, message.enqueued, _SEQUENCE, message.sequence_number, _STATE, message.state)
    count = 6
    if locked_until is not None:
        pairs += _LOCKED + _pack_time(locked_until)
        count = 8
    if annotations:
        pairs += annotations[1:]
        count += 2 * annotations[0]
    header = message.header
    return b"".join(
        (
            b"\x00\x53\x70\xc0",
            bytes((len(header) + 6, 5)),
            header,
            _pack_count(0x70, message.delivery_count),
            b"\x00\x53\x72\xd1",
            _pack_sizes(len(pairs) + 4, count),
            pairs,
            message.body,
        )
    )
