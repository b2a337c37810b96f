"""From values to bytes, in the shortest form of each type."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from typing import Any, Final
from uuid import UUID

from emulators.amqp.performatives import LAYOUT
from emulators.amqp.values import (
    Array,
    Byte,
    Char,
    Decimal,
    Described,
    Float,
    Int,
    Short,
    Symbol,
    Timestamp,
    UByte,
    UInt,
    ULong,
    UShort,
)

_Writer = Callable[[Any], bytes]
_pack_size: Final = struct.Struct(">I").pack
_pack_sizes: Final = struct.Struct(">BII").pack
_pack_uint: Final = struct.Struct(">BI").pack
_pack_ulong: Final = struct.Struct(">BQ").pack
_NULL: Final = b"\x40"
_SMALL_UINTS: Final = [b"\x43"] + [bytes((0x52, value)) for value in range(1, 256)]
_SMALL_ULONGS: Final = [b"\x44"] + [bytes((0x53, value)) for value in range(1, 256)]


def encode(value: Any) -> bytes:
    """Raises TypeError for a value that AMQP has no type for, ValueError for a number out of its type's range."""
    writer = _WRITERS.get(value.__class__)
    if writer is None:
        raise TypeError(f"AMQP has no type for {type(value).__name__}")
    try:
        return writer(value)
    except struct.error as error:
        raise ValueError(f"{value!r} is out of the range of its AMQP type: {error}") from error


def encode_list(items: Iterable[bytes]) -> bytes:
    """A list of items that are encoded already."""
    parts = list(items)
    return _compound(0xC0, 0xD0, b"".join(parts), len(parts)) if parts else b"\x45"


def encode_map(pairs: Iterable[bytes]) -> bytes:
    """A map of keys and values, in turns, that are encoded already."""
    parts = list(pairs)
    return _compound(0xC1, 0xD1, b"".join(parts), len(parts))


def uint(value: int) -> bytes:
    return _SMALL_UINTS[value] if 0 <= value < 256 else _pack_uint(0x70, value)


def ulong(value: int) -> bytes:
    return _SMALL_ULONGS[value] if 0 <= value < 256 else _pack_ulong(0x80, value)


def _fixed(code: int, layout: str) -> _Writer:
    pack = struct.Struct(">B" + layout).pack
    return lambda value: pack(code, value)


def _variable(short: int, long: int, data: bytes) -> bytes:
    size = len(data)
    return bytes((short, size)) + data if size < 256 else bytes((long,)) + _pack_size(size) + data


def _text(value: str) -> bytes:
    return _variable(0xA1, 0xB1, value.encode())


def _symbol(value: str) -> bytes:
    return _variable(0xA3, 0xB3, value.encode("ascii"))


def _binary(value: bytes | bytearray | memoryview) -> bytes:
    return _variable(0xA0, 0xB0, bytes(value))


def _compound(short: int, long: int, body: bytes, count: int) -> bytes:
    size = len(body)
    if size < 255 and count < 256:
        return bytes((short, size + 1, count)) + body
    return _pack_sizes(long, size + 4, count) + body


def _decimal(value: Decimal) -> bytes:
    return {4: b"\x74", 8: b"\x84", 16: b"\x94"}[len(value.data)] + value.data


def _list(value: list[Any]) -> bytes:
    return encode_list(map(encode, value))


def _map(value: dict[Any, Any]) -> bytes:
    return encode_map(encode(part) for pair in value.items() for part in pair)


def _array(value: Array) -> bytes:
    code = value.constructor
    items = list(value)
    descriptor = b""
    if items and isinstance(items[0], Described):
        descriptor = b"\x00" + encode(items[0].descriptor)
        items = [item.value for item in items]
    body = descriptor + bytes((code,)) + b"".join(map(_ELEMENTS[code], items))
    return _compound(0xE0, 0xF0, body, len(items))


def _described(value: Described) -> bytes:
    return b"\x00" + encode(value.descriptor) + encode(value.value)


def _composite(descriptor: int, types: str) -> _Writer:
    prefix = bytes((0x00, 0x53, descriptor))
    writers = [FIELD_TYPES[letter] for letter in types]

    def write(value: tuple[Any, ...]) -> bytes:
        parts = [_NULL if field is None else writer(field) for writer, field in zip(writers, value, strict=True)]
        while parts and parts[-1] is _NULL:
            parts.pop()
        return prefix + encode_list(parts)

    return write


# How the fields of a composite are written, by the letters of `performatives.LAYOUT`.
FIELD_TYPES: Final[dict[str, _Writer]] = {
    "?": lambda value: b"\x41" if value else b"\x42",
    "B": _fixed(0x50, "B"),
    "H": _fixed(0x60, "H"),
    "I": uint,
    "L": ulong,
    "b": _binary,
    "s": _text,
    "t": _fixed(0x83, "q"),
    "y": _symbol,
    "*": encode,
}

_WRITERS: Final[dict[Any, _Writer]] = {
    type(None): lambda _: _NULL,
    bool: FIELD_TYPES["?"],
    str: _text,
    Symbol: _symbol,
    Char: lambda value: b"\x73" + _pack_size(ord(value)),
    bytes: _binary,
    bytearray: _binary,
    memoryview: _binary,
    UByte: FIELD_TYPES["B"],
    UShort: FIELD_TYPES["H"],
    UInt: uint,
    ULong: ulong,
    Byte: _fixed(0x51, "b"),
    Short: _fixed(0x61, "h"),
    Int: _fixed(0x71, "i"),
    int: _fixed(0x81, "q"),
    Timestamp: FIELD_TYPES["t"],
    float: _fixed(0x82, "d"),
    Float: _fixed(0x72, "f"),
    Decimal: _decimal,
    UUID: lambda value: b"\x98" + value.bytes,
    list: _list,
    tuple: lambda value: _list(list(value)),
    dict: _map,
    Array: _array,
    Described: _described,
} | {composite: _composite(descriptor, types) for composite, (descriptor, types) in LAYOUT.items()}


def _element(layout: str) -> _Writer:
    return struct.Struct(">" + layout).pack


def _sized(data: bytes) -> bytes:
    return _pack_size(len(data)) + data


def _compound_element(parts: list[bytes]) -> bytes:
    body = b"".join(parts)
    return struct.pack(">II", len(body) + 4, len(parts)) + body


def _short_element(encoding: str | None) -> _Writer:
    def write(value: Any) -> bytes:
        data = bytes(value) if encoding is None else value.encode(encoding)
        return bytes((len(data),)) + data

    return write


# An item of an array, without its format code, by that code.
_ELEMENTS: Final[dict[int, _Writer]] = dict.fromkeys(range(0x40, 0x46), lambda _: b"") | {
    0x50: _element("B"),
    0x51: _element("b"),
    0x52: _element("B"),
    0x53: _element("B"),
    0x54: _element("b"),
    0x55: _element("b"),
    0x56: _element("?"),
    0x60: _element("H"),
    0x61: _element("h"),
    0x70: _element("I"),
    0x71: _element("i"),
    0x72: _element("f"),
    0x73: lambda value: _pack_size(ord(value)),
    0x74: lambda value: bytes(value.data),
    0x80: _element("Q"),
    0x81: _element("q"),
    0x82: _element("d"),
    0x83: _element("q"),
    0x84: lambda value: bytes(value.data),
    0x94: lambda value: bytes(value.data),
    0x98: lambda value: bytes(value.bytes),
    0xA0: _short_element(None),
    0xA1: _short_element("utf-8"),
    0xA3: _short_element("ascii"),
    0xB0: lambda value: _sized(bytes(value)),
    0xB1: lambda value: _sized(value.encode()),
    0xB3: lambda value: _sized(value.encode("ascii")),
    0xD0: lambda value: _compound_element([encode(item) for item in value]),
    0xD1: lambda value: _compound_element([encode(part) for pair in value.items() for part in pair]),
}
