"""Requests to the functions of HTTP without a host between."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import azure.functions as func

from triggers.http import HttpFunctions


@dataclass
class Answered:
    status: int
    headers: Mapping[str, str]
    body: Any


async def send(
    functions: HttpFunctions,
    function: str,
    body: Any = None,
    *,
    headers: Mapping[str, str] | None = None,
    params: Mapping[str, str] | None = None,
    **route: str,
) -> Answered:
    """`body` is sent as JSON, or as it is when it is bytes."""
    raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    request = func.HttpRequest(
        "GET" if function.startswith("get") else "POST",
        "http://localhost/api",
        headers=dict(headers or {}),
        params=dict(params or {}),
        route_params=route,
        body=raw,
    )
    response: func.HttpResponse = await getattr(functions, function)(request)
    text = response.get_body()
    return Answered(response.status_code, response.headers, json.loads(text) if text else None)
