"""Resource ids: base64 of little-endian numbers, nested as the .NET SDK's `ResourceId` parses them.

A database has 4 bytes, a container 4 more with bit 0x80 set in the first of them, a document or a
partition key range 8 more whose highest nibble tells the type (0 and 5).
"""

from __future__ import annotations

import binascii
import os
from functools import lru_cache
from typing import Final

_RANGE_NIBBLE: Final = 0x50


def _text(data: bytes) -> str:
    return binascii.b2a_base64(data, newline=False).decode().replace("/", "-")


@lru_cache
def _bytes(rid: str) -> bytes:
    return binascii.a2b_base64(rid.replace("-", "/"))


def _random(size: int, first_bit: int = 0) -> bytes:
    data = bytearray(os.urandom(size))
    data[0] = data[0] & 0x7F | first_bit
    return bytes(data)


def new_database_rid() -> str:
    # Random, so that a data folder made anew never answers to the resource ids that clients remember of the
    # old one; drawn until the text is free of "+" and "-", so that it is the same in a URL.
    while not (rid := _text(_random(4))).rstrip("=").isalnum():
        pass
    return rid


def new_container_rid(database_rid: str) -> str:
    while not (rid := _text(_bytes(database_rid) + _random(4, first_bit=0x80))).rstrip("=").isalnum():
        pass
    return rid


def document_rid(container_rid: str, number: int) -> str:
    """`number` is below 2**60: the type nibble of a document is 0."""
    return _text(_bytes(container_rid) + number.to_bytes(8, "little"))


def document_number(container_rid: str, rid: str) -> int | None:
    """The reverse of `document_rid`; None for what is no resource id of a document of the container."""
    try:
        data = _bytes(rid)
    except binascii.Error:
        return None
    number = int.from_bytes(data[8:], "little")
    return number if len(data) == 16 and number < 1 << 60 and data.startswith(_bytes(container_rid)) else None


def range_rid(container_rid: str, number: int) -> str:
    tail = bytearray((number + 2).to_bytes(8, "little"))
    tail[7] |= _RANGE_NIBBLE
    return _text(_bytes(container_rid) + bytes(tail))


def new_offer_rid() -> str:
    while not (rid := _text(os.urandom(3))).isalnum():
        pass
    return rid
