"""What a function returned into an HTTP answer, as the host writes it."""

import json
from collections.abc import Mapping
from email.utils import format_datetime, parsedate_to_datetime
from http.cookies import Morsel, SimpleCookie
from typing import Any

from aiohttp import web
from azure.functions.meta import Datum
from multidict import CIMultiDict

from emulators.functions.json_values import parse
from emulators.functions.rewriting import rewrite

_PLAIN = "text/plain; charset=utf-8"


class StringResultError(Exception):
    """The function returned a text that only Json.NET's lenient parser reads."""


def failure_response() -> web.Response:
    """Exceptions and values that the worker cannot encode: 500 without a body."""
    return web.Response(status=500)


async def write_response(request: web.BaseRequest, returned: Datum, extra: Mapping[str, str]) -> web.StreamResponse:
    """Send what the function returned. Raises StringResultError, or any other error, before anything is sent."""
    if returned.type == "http":
        status = int(returned.value["status_code"].value)
        headers = CIMultiDict({name: datum.value for name, datum in returned.value["headers"].items()})
        for cookies in returned.value["cookies"] or ():
            for line in _cookie_lines(cookies):
                headers.add("Set-Cookie", line)
        body: bytes = returned.value["body"].value
        if not isinstance(body, bytes | bytearray):
            raise TypeError(f"the body of the response must be bytes, not {type(body).__name__}")
    else:
        status, headers, body = _string_result(returned.value)
    headers.update(extra)
    return await _send(request, status, headers, body)


async def _send(request: web.BaseRequest, status: int, headers: CIMultiDict[str], body: bytes) -> web.StreamResponse:
    response = web.StreamResponse(status=status, headers=headers)
    # The host leaves a Content-Length of the function's own alone, and sends chunks otherwise.
    if "Content-Length" not in headers and request.method != "HEAD" and status not in (204, 205, 304):
        response.enable_chunked_encoding()
    await response.prepare(request)
    if request.method == "HEAD":
        await response.write_eof()
    else:
        await response.write_eof(body)
    return response


def _cookie_lines(cookies: SimpleCookie) -> list[str]:
    """The worker takes Set-Cookie apart and the host renders it anew, `domain=` and `path=` always included."""
    return [_cookie_line(name, morsel) for name, morsel in cookies.items()]


def _cookie_line(name: str, morsel: "Morsel[str]") -> str:
    parts = [f"{name}={morsel.value}"]
    if morsel["expires"]:
        parts.append(f"expires={format_datetime(parsedate_to_datetime(morsel['expires']), usegmt=True)}")
    if morsel["max-age"]:
        parts.append(f"max-age={int(float(morsel['max-age']))}")
    parts += [f"domain={morsel['domain']}", f"path={morsel['path']}"]
    if morsel["secure"]:
        parts.append("secure")
    if morsel["samesite"].lower() in ("lax", "strict", "none"):
        parts.append(f"samesite={morsel['samesite'].lower()}")
    if morsel["httponly"]:
        parts.append("httponly")
    return "; ".join(parts)


def _string_result(text: str) -> tuple[int, CIMultiDict[str], bytes]:
    """The host reads a returned text as JSON if it can, and an object with a status or a body as an answer."""
    headers = CIMultiDict({"Content-Type": _PLAIN})
    try:
        content = rewrite(parse(text))
    except ValueError:
        if text.lstrip()[:1] in ("{", "[", '"', "'"):
            raise StringResultError(
                "the function returned a text that starts like JSON and is none: the host's lenient parser would "
                "rewrite it, devstack does not imitate that; return an HttpResponse"
            ) from None
        return 200, headers, text.encode()
    if not isinstance(content, dict):
        return 200, headers, _render(content, text).encode()
    fields = {name.lower(): value for name, value in content.items()}
    if not fields.keys() & {"status", "statuscode", "body", "headers"}:
        return 200, headers, _render(content, text).encode()
    for name, value in (fields.get("headers") or {}).items():
        headers[name] = str(value)
    status = int(fields.get("status", fields.get("statuscode", 200)))
    return status, headers, _render(fields.get("body", ""), "").encode()


def _render(content: Any, text: str) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, dict | list):
        return json.dumps(content, indent=2, ensure_ascii=False)
    return text or json.dumps(content)
