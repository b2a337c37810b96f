"""AMQP types that Python lacks. A plain `int` stands for long, `float` for double, `bytes` for binary."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


class Symbol(str):
    __slots__ = ()


class Char(str):
    __slots__ = ()


class UByte(int):
    __slots__ = ()


class UShort(int):
    __slots__ = ()


class UInt(int):
    __slots__ = ()


class ULong(int):
    __slots__ = ()


class Byte(int):
    __slots__ = ()


class Short(int):
    __slots__ = ()


class Int(int):
    """Of 32 bits; a plain `int` has 64."""

    __slots__ = ()


class Timestamp(int):
    """Milliseconds since the epoch."""

    __slots__ = ()


class Float(float):
    """Of 32 bits; a plain `float` has 64."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Decimal:
    """The bytes of a decimal32, decimal64 or decimal128, which are passed on and never computed with."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Described:
    """A value with a descriptor that is no composite of `emulators.amqp.performatives`."""

    descriptor: Any
    value: Any


class Array(list[Any]):
    """Values of one type. `constructor` is the format code that all of them have on the wire."""

    __slots__ = ("constructor",)

    def __init__(self, constructor: int, items: Iterable[Any] = ()) -> None:
        super().__init__(items)
        self.constructor = constructor


class DecodeError(ValueError):
    """Bytes that are no AMQP."""
