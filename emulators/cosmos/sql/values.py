"""How Cosmos compares JSON values: by type first, without coercion, undefined where types do not compare."""

from __future__ import annotations

import json
import math
from functools import total_ordering
from typing import Any, Final

from emulators.cosmos.undefined import UNDEFINED

# The order of types in ORDER BY, MIN and MAX.
_UNDEFINED, _NULL, _BOOLEAN, _NUMBER, _STRING, _ARRAY, _OBJECT = range(7)
_RANKS: Final = {
    type(UNDEFINED): _UNDEFINED,
    type(None): _NULL,
    bool: _BOOLEAN,
    int: _NUMBER,
    float: _NUMBER,
    str: _STRING,
    list: _ARRAY,
    dict: _OBJECT,
}


def rank(value: Any) -> int:
    return _RANKS[type(value)]


def is_number(value: Any) -> bool:
    return rank(value) == _NUMBER


def is_primitive(value: Any) -> bool:
    return _NULL <= rank(value) <= _STRING


def equal(left: Any, right: Any) -> bool:
    """Deep equality; values of different types differ, so that 1 and true do."""
    kind = rank(left)
    if kind != rank(right):
        return False
    if kind == _ARRAY:
        return len(left) == len(right) and all(map(equal, left, right))
    if kind == _OBJECT:
        return left.keys() == right.keys() and all(equal(value, right[name]) for name, value in left.items())
    return bool(left == right)


def comparable(left: Any, right: Any) -> bool:
    """Whether `<` has a meaning: two booleans, numbers, strings or nulls."""
    kind = rank(left)
    return kind == rank(right) and _NULL <= kind <= _STRING


def finite(number: float) -> Any:
    """The result of arithmetic: doubles that are whole read as integers, those that JSON cannot write are undefined."""
    if isinstance(number, float):
        if not math.isfinite(number):
            return UNDEFINED
        if number.is_integer() and abs(number) < 2**53:
            return int(number)
    return number


@total_ordering
class SortKey:
    """Orders values of all types, arrays and objects by their content."""

    __slots__ = ("_key", "value")

    def __init__(self, value: Any) -> None:
        self.value = value
        self._key = _comparable_form(value)

    def __lt__(self, other: SortKey) -> bool:
        return bool(self._key < other._key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SortKey) and bool(self._key == other._key)

    def __hash__(self) -> int:
        return hash(self._key)


def _comparable_form(value: Any) -> tuple[Any, ...]:
    kind = rank(value)
    if kind == _ARRAY:
        return (kind, tuple(_comparable_form(element) for element in value))
    if kind == _OBJECT:
        return (kind, tuple((name, _comparable_form(value[name])) for name in sorted(value)))
    return (kind,) if kind in {_UNDEFINED, _NULL} else (kind, value)


def identity(value: Any) -> str:
    """Equal texts for equal values, for DISTINCT and GROUP BY."""
    return json.dumps(_normal(value), sort_keys=True, separators=(",", ":")) if value is not UNDEFINED else ""


def _normal(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_normal(element) for element in value]
    if isinstance(value, dict):
        return {name: _normal(member) for name, member in value.items()}
    return value
