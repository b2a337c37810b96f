"""Events and views as clients see them: camelCase, times in UTC. A type of your own gets an encoder here."""

from typing import Any

from engine.storing.converter import Converter

_converter = Converter()


def to_json(value: object) -> Any:
    return _converter.encode(value)
