"""Frames: performatives with a channel and a payload. Without I/O, for both ends of a connection."""

from __future__ import annotations

import struct
from typing import Any, Final, NamedTuple

from emulators.amqp.decoding import decode
from emulators.amqp.encoding import encode
from emulators.amqp.values import DecodeError

AMQP: Final = 0
SASL: Final = 1
AMQP_HEADER: Final = b"AMQP\x00\x01\x00\x00"
SASL_HEADER: Final = b"AMQP\x03\x01\x00\x00"
HEARTBEAT: Final = b"\x00\x00\x00\x08\x02\x00\x00\x00"
# The largest frame that a peer may send before it has been told another limit, and the smallest limit there is.
MIN_MAX_FRAME_SIZE: Final = 512

_HEAD: Final = struct.Struct(">IBBH")


class Frame(NamedTuple):
    """`body` is a performative, or None for an empty frame (a heartbeat)."""

    kind: int
    channel: int
    body: Any
    payload: bytes


class ProtocolHeader(NamedTuple):
    """The eight bytes by which a peer starts SASL or AMQP."""

    data: bytes


def encode_frame(channel: int, body: Any, payload: bytes = b"", kind: int = AMQP) -> bytes:
    encoded = encode(body)
    return _HEAD.pack(8 + len(encoded) + len(payload), 2, kind, channel) + encoded + payload


class FrameSplitter:
    """Finds protocol headers and frames in a stream of bytes that comes in pieces."""

    def __init__(self, max_frame_size: int) -> None:
        self._max_frame_size = max_frame_size
        self._rest = b""

    def feed(self, data: bytes) -> list[Frame | ProtocolHeader]:
        """What is complete now. Raises DecodeError for what is no frame, or one above the limit."""
        if self._rest:
            data = self._rest + data
        found: list[Frame | ProtocolHeader] = []
        position, available = 0, len(data)
        while available - position >= 8:
            size, offset, kind, channel = _HEAD.unpack_from(data, position)
            if data.startswith(b"AMQP", position):
                found.append(ProtocolHeader(data[position : position + 8]))
                position += 8
                continue
            start = offset * 4
            if not 8 <= start <= size <= self._max_frame_size:
                raise DecodeError(f"a frame of {size} bytes with its body at byte {start}")
            if available - position < size:
                break
            frame = data[position : position + size]
            position += size
            if size == start:
                found.append(Frame(kind, channel, None, b""))
                continue
            body, end = decode(frame, start)
            found.append(Frame(kind, channel, body, frame[end:]))
        self._rest = data[position:]
        return found
