"""From bytes to values, keeping the AMQP type of each."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, Final
from uuid import UUID

from emulators.amqp.performatives import LAYOUT
from emulators.amqp.values import (
    Array,
    Byte,
    Char,
    Decimal,
    DecodeError,
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

# Reads the value that starts at a position, behind its format code; returns it with the position behind it.
_Reader = Callable[[bytes, int], tuple[Any, int]]

_COMPOSITES: Final = {descriptor: composite for composite, (descriptor, _) in LAYOUT.items()}
_TWO_SIZES: Final = struct.Struct(">II")
_SIZE: Final = struct.Struct(">I")


def decode(data: bytes, position: int = 0) -> tuple[Any, int]:
    """The value at a position and the position behind it. Raises DecodeError."""
    try:
        value, end = _value(data, position)
    except (IndexError, KeyError, struct.error, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise DecodeError(f"no AMQP value at byte {position}: {error}") from error
    if end > len(data):
        raise DecodeError(f"the value at byte {position} ends {end - len(data)} bytes behind the data")
    return value, end


def _value(data: bytes, position: int) -> tuple[Any, int]:
    return _READERS[data[position]](data, position + 1)


def _described(data: bytes, position: int) -> tuple[Any, int]:
    descriptor, position = _value(data, position)
    value, position = _value(data, position)
    composite = _COMPOSITES.get(descriptor) if descriptor.__class__ is ULong else None
    if composite is not None and value.__class__ is list:
        return composite(*value), position
    return Described(descriptor, value), position


def _constant(value: Any) -> _Reader:
    def read(_: bytes, position: int) -> tuple[Any, int]:
        return value, position

    return read


def _fixed(layout: str, type_: Callable[[Any], Any] | None = None) -> _Reader:
    packed = struct.Struct(layout)
    unpack, size = packed.unpack_from, packed.size
    if type_ is None:
        return lambda data, position: (unpack(data, position)[0], position + size)
    return lambda data, position: (type_(unpack(data, position)[0]), position + size)


def _byte(values: list[Any]) -> _Reader:
    return lambda data, position: (values[data[position]], position + 1)


def _raw(size: int, type_: Callable[[bytes], Any]) -> _Reader:
    return lambda data, position: (type_(data[position : position + size]), position + size)


def _short(type_: Callable[[bytes], Any]) -> _Reader:
    def read(data: bytes, position: int) -> tuple[Any, int]:
        end = position + 1 + data[position]
        return type_(data[position + 1 : end]), end

    return read


def _long(type_: Callable[[bytes], Any]) -> _Reader:
    def read(data: bytes, position: int) -> tuple[Any, int]:
        end = position + 4 + _SIZE.unpack_from(data, position)[0]
        return type_(data[position + 4 : end]), end

    return read


def _items(data: bytes, position: int, count: int) -> list[Any]:
    items = []
    readers = _READERS
    for _ in range(count):
        value, position = readers[data[position]](data, position + 1)
        items.append(value)
    return items


def _map(items: list[Any]) -> dict[Any, Any]:
    return dict(zip(items[::2], items[1::2], strict=True))


def _list8(data: bytes, position: int) -> tuple[Any, int]:
    return _items(data, position + 2, data[position + 1]), position + 1 + data[position]


def _list32(data: bytes, position: int) -> tuple[Any, int]:
    size, count = _TWO_SIZES.unpack_from(data, position)
    return _items(data, position + 8, count), position + 4 + size


def _map8(data: bytes, position: int) -> tuple[Any, int]:
    return _map(_items(data, position + 2, data[position + 1])), position + 1 + data[position]


def _map32(data: bytes, position: int) -> tuple[Any, int]:
    size, count = _TWO_SIZES.unpack_from(data, position)
    return _map(_items(data, position + 8, count)), position + 4 + size


def _array8(data: bytes, position: int) -> tuple[Any, int]:
    return _array(data, position + 2, data[position + 1]), position + 1 + data[position]


def _array32(data: bytes, position: int) -> tuple[Any, int]:
    size, count = _TWO_SIZES.unpack_from(data, position)
    return _array(data, position + 8, count), position + 4 + size


def _array(data: bytes, position: int, count: int) -> Array:
    descriptor = None
    if data[position] == 0:
        descriptor, position = _value(data, position + 1)
    constructor = data[position]
    if count > len(data):
        # Items without bytes of their own would otherwise cost memory at will.
        raise DecodeError(f"an array of {count} items in {len(data)} bytes")
    read = _READERS[constructor]
    position += 1
    items = Array(constructor)
    for _ in range(count):
        value, position = read(data, position)
        items.append(value if descriptor is None else Described(descriptor, value))
    return items


def _text(data: bytes) -> str:
    return data.decode()


def _symbol(data: bytes) -> Symbol:
    return Symbol(data.decode("ascii"))


def _char(code: int) -> Char:
    return Char(chr(code))


def _unknown(data: bytes, position: int) -> tuple[Any, int]:
    raise DecodeError(f"format code 0x{data[position - 1]:02x}")


def _signed(type_: Callable[[int], Any]) -> list[Any]:
    return [type_(value if value < 128 else value - 256) for value in range(256)]


_READERS: Final[list[_Reader]] = [_unknown] * 256
_BY_CODE: Final[dict[int, _Reader]] = {
    0x00: _described,
    0x40: _constant(None),
    0x41: _constant(True),
    0x42: _constant(False),
    0x43: _constant(UInt(0)),
    0x44: _constant(ULong(0)),
    0x45: lambda _, position: ([], position),
    0x50: _byte([UByte(value) for value in range(256)]),
    0x51: _byte(_signed(Byte)),
    0x52: _byte([UInt(value) for value in range(256)]),
    0x53: _byte([ULong(value) for value in range(256)]),
    0x54: _byte(_signed(Int)),
    0x55: _byte(_signed(int)),
    0x56: _byte([value != 0 for value in range(256)]),
    0x60: _fixed(">H", UShort),
    0x61: _fixed(">h", Short),
    0x70: _fixed(">I", UInt),
    0x71: _fixed(">i", Int),
    0x72: _fixed(">f", Float),
    0x73: _fixed(">I", _char),
    0x74: _raw(4, Decimal),
    0x80: _fixed(">Q", ULong),
    0x81: _fixed(">q"),
    0x82: _fixed(">d"),
    0x83: _fixed(">q", Timestamp),
    0x84: _raw(8, Decimal),
    0x94: _raw(16, Decimal),
    0x98: _raw(16, lambda data: UUID(bytes=data)),
    0xA0: _short(bytes),
    0xA1: _short(_text),
    0xA3: _short(_symbol),
    0xB0: _long(bytes),
    0xB1: _long(_text),
    0xB3: _long(_symbol),
    0xC0: _list8,
    0xC1: _map8,
    0xD0: _list32,
    0xD1: _map32,
    0xE0: _array8,
    0xF0: _array32,
}
for _code, _reader in _BY_CODE.items():
    _READERS[_code] = _reader
