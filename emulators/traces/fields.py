"""Fields of OTLP in JSON: each is read as what it has to be, or refused with the path that leads to it.

The mapping is that of https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding: names in lowerCamelCase, ids in
hexadecimal, 64-bit integers as decimal texts or numbers, and fields that nobody knows are ignored.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

Attributes = Mapping[str, Any]

_DEEPEST: Final = 16
"""Values of attributes may lie in each other so many times."""

_DECIMAL: Final = re.compile(r"-?[0-9]{1,20}")
_INT64: Final = range(-(1 << 63), 1 << 64)
_GREATEST: Final = sys.float_info.max


class MalformedError(Exception):
    """What was sent is no OTLP; says what is wrong, and where."""


class Message(NamedTuple):
    """An object of a request, and the path that leads to it."""

    fields: Mapping[str, Any]
    path: str

    def messages(self, name: str) -> Iterator[Message]:
        """The objects of an array; a field that is missing is an empty one."""
        found = self._of(name, list, "an array", [])
        for number, each in enumerate(found):
            path = f"{self.path}.{name}[{number}]"
            if not isinstance(each, dict):
                raise MalformedError(f"{path} is no object")
            yield Message(each, path)

    def message(self, name: str) -> Message:
        return Message(self._of(name, dict, "an object", {}), f"{self.path}.{name}")

    def has(self, name: str) -> bool:
        return self.fields.get(name) is not None

    def text(self, name: str) -> str:
        found: str = self._of(name, str, "a text", "")
        return found

    def flag(self, name: str) -> bool:
        found: bool = self._of(name, bool, "true or false", False)
        return found

    def integer(self, name: str) -> int:
        """A 64-bit integer; 0 where it is missing."""
        return _integer(self.fields.get(name, 0), f"{self.path}.{name}")

    def integers(self, name: str) -> Sequence[int]:
        found = self._of(name, list, "an array", [])
        return [_integer(each, f"{self.path}.{name}") for each in found]

    def number(self, name: str) -> float | str:
        """A double: a number, or NaN, Infinity and -Infinity as texts."""
        return _double(self.fields.get(name, 0.0), f"{self.path}.{name}")

    def numbers(self, name: str) -> Sequence[float | str]:
        found = self._of(name, list, "an array", [])
        return [_double(each, f"{self.path}.{name}") for each in found]

    def hexadecimal(self, name: str, digits: int, *, optional: bool = False) -> str:
        """An id, in lower case; it has to be there and not all zeros, unless it is optional."""
        found = self.text(name).lower()
        if optional and not found.strip("0"):
            return ""
        if not re.fullmatch(f"(?!0+$)[0-9a-f]{{{digits}}}", found):
            raise MalformedError(f"{self.path}.{name} is no id of {digits} hexadecimal digits")
        return found

    def attributes(self) -> Attributes:
        return _map(self.messages("attributes"), 0)

    def _of(self, name: str, kind: type, said: str, default: Any) -> Any:
        found = self.fields.get(name)
        if found is None:
            return default
        if not isinstance(found, kind):
            raise MalformedError(f"{self.path}.{name} is not {said}")
        return found


def _map(entries: Iterator[Message], depth: int) -> Attributes:
    return {each.text("key"): _value(each.message("value"), depth) for each in entries}


def _value(value: Message, depth: int) -> Any:
    """What an AnyValue holds, as JSON has it; bytes stay in base64."""
    if depth > _DEEPEST:
        raise MalformedError(f"a value of an attribute lies in more than {_DEEPEST} others")
    if value.has("stringValue"):
        return value.text("stringValue")
    if value.has("boolValue"):
        return value.flag("boolValue")
    if value.has("intValue"):
        return value.integer("intValue")
    if value.has("doubleValue"):
        return value.number("doubleValue")
    if value.has("arrayValue"):
        return [_value(each, depth + 1) for each in value.message("arrayValue").messages("values")]
    if value.has("kvlistValue"):
        return _map(value.message("kvlistValue").messages("values"), depth + 1)
    return value.text("bytesValue") if value.has("bytesValue") else None


def _integer(found: Any, path: str) -> int:
    if isinstance(found, str) and _DECIMAL.fullmatch(found):
        found = int(found)
    if not isinstance(found, int) or isinstance(found, bool) or found not in _INT64:
        raise MalformedError(f"{path} is no 64-bit integer")
    return found


def _double(found: Any, path: str) -> float | str:
    if found in ("NaN", "Infinity", "-Infinity"):
        return str(found)
    if isinstance(found, bool) or not isinstance(found, (int, float)) or not abs(found) <= _GREATEST:
        raise MalformedError(f"{path} is no number")
    return found
