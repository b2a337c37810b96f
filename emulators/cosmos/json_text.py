"""JSON as the service takes and writes it."""

from __future__ import annotations

import json
from typing import Any, Final

from emulators.cosmos.errors import bad_request


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)


_decoder: Final = json.JSONDecoder(parse_constant=_refuse_constant)
_encoder: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def parse_json(data: bytes) -> Any:
    """Raises 400 for what is not JSON, and for the halves of characters that escapes can write."""
    try:
        value = _decoder.decode(data.decode())
        if b"\\ud" in data or b"\\uD" in data:
            to_text(value).encode()
    except (ValueError, RecursionError):
        raise bad_request("The request body is not valid JSON.") from None
    return value


def stored_value(text: str) -> Any:
    """Read what `to_text` wrote, sparing the checks."""
    return _decoder.raw_decode(text)[0]


def to_text(value: Any) -> str:
    """Compact, as UTF-8 text. Raises ValueError for numbers beyond doubles."""
    return _encoder.encode(value)
