"""Messages: their sections found without decoding, or all of one decoded or encoded."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from emulators.amqp.decoding import decode
from emulators.amqp.encoding import encode
from emulators.amqp.performatives import Header, Properties
from emulators.amqp.values import DecodeError, Described, ULong

HEADER: Final = 0x70
DELIVERY_ANNOTATIONS: Final = 0x71
MESSAGE_ANNOTATIONS: Final = 0x72
PROPERTIES: Final = 0x73
APPLICATION_PROPERTIES: Final = 0x74
DATA: Final = 0x75
AMQP_SEQUENCE: Final = 0x76
AMQP_VALUE: Final = 0x77
FOOTER: Final = 0x78

_SIZE: Final = struct.Struct(">I")
# How many bytes follow a format code; absent for codes of variable size, whose upper half tells the width of the size.
_WIDTHS: Final = {0x4: 0, 0x5: 1, 0x6: 2, 0x7: 4, 0x8: 8, 0x9: 16}


class Section(NamedTuple):
    """Where a section lies in its message: from the descriptor at `start`, its value at `value`, up to `end`."""

    code: int
    start: int
    value: int
    end: int


def split(raw: bytes) -> list[Section]:
    """The sections in their order, without looking into them. Raises DecodeError."""
    found = []
    position, size = 0, len(raw)
    try:
        while position < size:
            if raw[position] != 0:
                raise DecodeError(f"no section of a message starts at byte {position}")
            if raw[position + 1] == 0x53:
                code, value = raw[position + 2], position + 3
            else:
                descriptor, value = decode(raw, position + 1)
                code = descriptor if isinstance(descriptor, ULong) else -1
            if not HEADER <= code <= FOOTER:
                raise DecodeError(f"the section at byte {position} is none of a message")
            end = _skip(raw, value)
            found.append(Section(code, position, value, end))
            position = end
    except (IndexError, KeyError, struct.error) as error:
        raise DecodeError(f"no section of a message starts at byte {position}") from error
    if position > size:
        raise DecodeError(f"the last section ends {position - size} bytes behind the message")
    return found


def _skip(raw: bytes, position: int) -> int:
    """The position behind the value at a position."""
    code = raw[position]
    position += 1
    kind = code >> 4
    if kind in (0xA, 0xC, 0xE):
        return position + 1 + raw[position]
    if kind in (0xB, 0xD, 0xF):
        return position + 4 + int(_SIZE.unpack_from(raw, position)[0])
    if code == 0:
        return _skip(raw, _skip(raw, position))
    return position + _WIDTHS[kind]


_NO_PROPERTIES: Final = Properties()


@dataclass(frozen=True, slots=True)
class Message:
    """A message with all sections decoded.

    Its body is one of `data` (all data sections joined), `sequences` (one each) and `value`.
    """

    header: Header | None = None
    delivery_annotations: dict[Any, Any] = field(default_factory=dict)
    annotations: dict[Any, Any] = field(default_factory=dict)
    properties: Properties = _NO_PROPERTIES
    application_properties: dict[Any, Any] = field(default_factory=dict)
    data: bytes | None = None
    value: Any = None
    sequences: tuple[Sequence[Any], ...] = ()
    footer: dict[Any, Any] = field(default_factory=dict)

    @classmethod
    def decode(cls, raw: bytes) -> Message:
        """Raises DecodeError."""
        parts: dict[str, Any] = {}
        data: list[bytes] = []
        sequences: list[Sequence[Any]] = []
        for section in split(raw):
            content, _ = decode(raw, section.start)
            if isinstance(content, Described):
                content = content.value
            if section.code == DATA:
                data.append(content)
            elif section.code == AMQP_SEQUENCE:
                sequences.append(content)
            else:
                parts[_NAMES[section.code]] = content
        if data:
            parts["data"] = b"".join(data)
        return cls(**parts, sequences=tuple(sequences))

    def encode(self) -> bytes:
        parts = [] if self.header is None else [encode(self.header)]
        maps = (
            (DELIVERY_ANNOTATIONS, self.delivery_annotations),
            (MESSAGE_ANNOTATIONS, self.annotations),
        )
        parts += [encode_section(code, content) for code, content in maps if content]
        if self.properties != _NO_PROPERTIES:
            parts.append(encode(self.properties))
        if self.application_properties:
            parts.append(encode_section(APPLICATION_PROPERTIES, self.application_properties))
        if self.data is not None:
            parts.append(encode_section(DATA, self.data))
        elif self.sequences:
            parts += [encode_section(AMQP_SEQUENCE, list(sequence)) for sequence in self.sequences]
        else:
            parts.append(encode_section(AMQP_VALUE, self.value))
        if self.footer:
            parts.append(encode_section(FOOTER, self.footer))
        return b"".join(parts)


_NAMES: Final = {
    HEADER: "header",
    DELIVERY_ANNOTATIONS: "delivery_annotations",
    MESSAGE_ANNOTATIONS: "annotations",
    PROPERTIES: "properties",
    APPLICATION_PROPERTIES: "application_properties",
    AMQP_VALUE: "value",
    FOOTER: "footer",
}


def encode_section(code: int, content: Any) -> bytes:
    """A section whose content is a map, a binary, a list or a value; header and properties encode by themselves."""
    return bytes((0x00, 0x53, code)) + encode(content)
