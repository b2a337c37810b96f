"""Events and views as clients see them: camelCase, times in UTC. Types of your own get a hook here."""

from typing import Any

from engine.storing.codec import strict_converter

_converter = strict_converter()


def to_json(value: object) -> Any:
    return _converter.unstructure(value)
