"""A call of a tool is read for its arguments, by the rules that requests are read by."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from engine.triggers.http_requests import as_name, as_time
from engine.triggers.problems import BadRequest


def arguments_of(call: str) -> Mapping[str, Any]:
    """Returns the arguments in the JSON that the host gives for a call of a tool.

    Beside `name` and `arguments` it holds the headers of the request, and so the key of whoever asks: it is not logged.
    """
    return json.loads(call).get("arguments") or {}


def read_order_id(arguments: Mapping[str, Any]) -> str:
    """Raises BadRequest."""
    value = arguments.get("orderId")
    return as_name("orderId", value if isinstance(value, str) else "")


def read_version(arguments: Mapping[str, Any]) -> int | None:
    """Returns the version that is asked for; None if none is. Raises BadRequest."""
    value = arguments.get("version")
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and value > 0):
        return value
    raise BadRequest("version must be a whole number, and counts from 1.")


def read_time(arguments: Mapping[str, Any]) -> datetime | None:
    """Returns the time that is asked for; None if none is. Raises BadRequest."""
    value = arguments.get("asOf")
    return None if value is None else as_time("asOf", value if isinstance(value, str) else "")
