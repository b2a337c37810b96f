"""Domain events and views as clients see them: camelCase, times in UTC."""

from typing import Any

from eventstore.codec import strict_converter

_converter = strict_converter()


def to_json(value: object) -> Any:
    return _converter.unstructure(value)
