"""HTTP requests into invocations: what the host puts on the wire to the worker for a request."""

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote_plus

from aiohttp import web
from azure.functions.meta import Datum

from emulators.functions.engine import Call
from emulators.functions.json_values import parse

MAX_BODY = 100 * 1024 * 1024


async def call_for(request: web.BaseRequest, parameter: str, route_values: Mapping[str, str]) -> Call:
    """The call that the host makes of a request, for the trigger parameter of that name."""
    body = await read_body(request)
    http = {
        "method": Datum(request.method, "string"),
        "url": Datum(f"{request.scheme}://{request.host}{request.raw_path}", "string"),
        "headers": {name: Datum(value, "string") for name, value in headers_of(request).items()},
        "params": {name: Datum(value, "string") for name, value in route_values.items()},
        "query": {name: Datum(value, "string") for name, value in query_of(request.raw_path).items()},
        "body": Datum(body, "bytes"),
    }
    return Call(
        inputs={parameter: Datum(http, "http")},
        trigger_metadata=_trigger_metadata(request, route_values, body),
    )


async def read_body(request: web.BaseRequest) -> bytes:
    """The body as the function gets it: as it was sent, or nothing if it was sent in chunks.

    The host reads Content-Length bytes; `http.enableChunkedRequestBinding` is off by default.
    """
    sent = await request.content.read()
    return b"" if "chunked" in request.headers.get("Transfer-Encoding", "").lower() else sent


def headers_of(request: web.BaseRequest) -> dict[str, str]:
    """Names in lower case, values of repeated names joined by a comma."""
    headers: dict[str, str] = {}
    for name, value in request.headers.items():
        name = name.lower()
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    return headers


def query_of(raw_path: str) -> dict[str, str]:
    """Values of repeated keys joined by a comma; a key without a value is missing.

    The worker does not announce UseNullableValueDictionaryForHttp, so the host drops empty values.
    """
    spelling: dict[str, str] = {}
    values: dict[str, str] = {}
    for name, value in _pairs(raw_path):
        if value:
            name = spelling.setdefault(name.lower(), name)
            values[name] = f"{values[name]},{value}" if name in values else value
    return values


def _pairs(raw_path: str) -> Iterator[tuple[str, str]]:
    for pair in raw_path.partition("#")[0].partition("?")[2].split("&"):
        name, _, value = pair.partition("=")
        if pair:
            yield unquote_plus(name), unquote_plus(value)


def _trigger_metadata(request: web.BaseRequest, route_values: Mapping[str, str], body: bytes) -> dict[str, Datum]:
    """What binding expressions such as `{orderId}` may refer to. Of a repeated query key the last value counts."""
    last = dict(_pairs(request.raw_path))
    metadata = {name: Datum(value, "string") for name, value in _top_level(request, body).items()}
    metadata |= {name: Datum(value, "string") for name, value in (last | dict(route_values)).items()}
    metadata["Query"] = Datum(json.dumps(last), "json")
    metadata["Headers"] = Datum(json.dumps(dict(request.headers)), "json")
    return metadata


def _top_level(request: web.BaseRequest, body: bytes) -> dict[str, str]:
    if "json" not in request.content_type:
        return {}
    try:
        content: Any = parse(body)
    except ValueError:
        return {}
    if not isinstance(content, dict):
        return {}
    return {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in content.items()
        if value is not None and not isinstance(value, list | dict)
    }
