"""JSON from outside: what an app, a message or a request may hold, nested as deeply as it likes."""

import json
from typing import Any


def parse(text: str | bytes) -> Any:
    """The value of a JSON text. Raises ValueError for what is none, and for what is nested too deeply to be read."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def written(value: Any) -> str:
    """A value as a compact text. Raises ValueError for what is nested too deeply to be written."""
    try:
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
