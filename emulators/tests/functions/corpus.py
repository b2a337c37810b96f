"""Messages between the real host and the real worker, as the objects that this host works with."""

import base64
import json
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from azure.functions.meta import Datum

_FILE = Path(__file__).parents[1] / "corpus" / "host-worker.json"


@cache
def messages() -> dict[str, Any]:
    """The whole file."""
    content: dict[str, Any] = json.loads(_FILE.read_text(encoding="utf-8"))
    return content


def invocation(function: str, number: int) -> dict[str, Any]:
    """One invocation: its request and its response."""
    found: dict[str, Any] = next(
        each for each in messages()["invocations"] if (each["function"], each["number"]) == (function, number)
    )
    return found


def datum(typed_data: dict[str, Any]) -> Datum:
    """What the worker makes of a TypedData message."""
    ((kind, value),) = typed_data.items()
    if kind == "bytes":
        return Datum(base64.b64decode(value), "bytes")
    if kind == "http":
        body = value.get("body")
        http: dict[str, Any] = {name: Datum(value[name], "string") for name in ("method", "url")}
        for name in ("headers", "params", "query"):
            http[name] = {key: Datum(text, "string") for key, text in value.get(name, {}).items()}
        http["body"] = datum(body) if body else Datum(b"", "bytes")
        return Datum(http, "http")
    if kind.startswith("collection_"):
        return Datum(SimpleNamespace(**value), kind)
    return Datum(value, kind)
