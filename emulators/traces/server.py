"""The receiver in a process: it listens on loopback, takes what exporters send, and shows what it has kept.

What is answered follows https://opentelemetry.io/docs/specs/otlp/#otlphttp.
"""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

from aiohttp import web

from emulators.loopback import listen
from emulators.traces.fields import MalformedError, Message
from emulators.traces.metrics import Metrics, series_of
from emulators.traces.spans import Traces, spans_of

_LARGEST: Final = 16 << 20
"""A body has at most so many bytes, unpacked."""

_SHOWN: Final = 100
_SHUTDOWN_SECONDS: Final = 1.0
_INVALID_ARGUMENT: Final = 3
"""Of google.rpc.Code: an answer that refuses is a google.rpc.Status."""

_PROTOBUF: Final = (
    "this receiver takes OTLP in JSON, not {}: use an exporter of http/json, such as "
    "opentelemetry-exporter-otlp-json-http for Python, or set OTEL_EXPORTER_OTLP_PROTOCOL=http/json "
    "where the SDK knows it"
)
_ROUTES: Final = (
    "there are GET /traces?limit=…&<attribute>=<value>, GET /traces/{traceId}, GET /metrics, and POST /v1/traces, "
    "/v1/metrics and /v1/logs"
)


class TracesServer:
    """A running receiver."""

    def __init__(self, port: int, traces: Traces) -> None:
        self.port = port
        self._traces = traces
        self._metrics = Metrics()

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    @classmethod
    @asynccontextmanager
    async def start(cls, *, port: int = 0, traces: Traces | None = None) -> AsyncIterator[TracesServer]:
        """Serve until the block ends, in memory. Raises PortTakenError."""
        sockets = listen(port)
        server = cls(sockets[0].getsockname()[1], traces or Traces())
        app = web.Application(client_max_size=_LARGEST, middlewares=[_answered])
        app.add_routes(
            [
                web.post("/v1/traces", server._take_spans),
                web.post("/v1/metrics", server._take_metrics),
                web.post("/v1/logs", server._take_logs),
                web.get("/traces", server._list_traces),
                web.get("/traces/{id}", server._show_trace),
                web.get("/metrics", server._show_metrics),
            ]
        )
        # What is wrong with a body is told in the answer.
        logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS)
        await runner.setup()
        try:
            for socket in sockets:
                await web.SockSite(runner, socket).start()
            yield server
        finally:
            await runner.cleanup()

    async def _take_spans(self, request: web.Request) -> web.Response:
        sent, size = await _read(request)
        spans = list(spans_of(sent))
        turned_away = self._traces.add(spans, size)
        if turned_away:
            said = "the trace has too many spans"
            return _json({"partialSuccess": {"rejectedSpans": str(turned_away), "errorMessage": said}})
        return _json({})

    async def _take_metrics(self, request: web.Request) -> web.Response:
        sent, _ = await _read(request)
        self._metrics.add(list(series_of(sent)))
        return _json({})

    async def _take_logs(self, request: web.Request) -> web.Response:
        """Logs are taken, so that an exporter of all three has nothing to complain of, and not kept."""
        sent, _ = await _read(request)
        list(sent.messages("resourceLogs"))
        return _json({})

    async def _list_traces(self, request: web.Request) -> web.Response:
        wanted = {name: request.query.getall(name) for name in request.query}
        limit = wanted.pop("limit", [str(_SHOWN)])[-1]
        if not (limit.isascii() and limit.isdigit() and len(limit) < 10):
            raise MalformedError(f"limit is a number, not {limit!r}")
        return _json({"traces": self._traces.newest(int(limit), wanted), "dropped": self._traces.dropped})

    async def _show_trace(self, request: web.Request) -> web.Response:
        trace_id = request.match_info["id"].lower()
        spans = self._traces.get(trace_id)
        if spans is None:
            return _refusal(404, f"there is no trace {trace_id}: it never came, or went to make room for newer ones")
        return _json({"traceId": trace_id, "spans": spans})

    async def _show_metrics(self, _: web.Request) -> web.Response:
        return _json({"metrics": self._metrics.newest()})


@web.middleware
async def _answered(request: web.Request, handler: Callable[[web.Request], Any]) -> web.StreamResponse:
    """Every answer is JSON, refusals too."""
    try:
        answer: web.StreamResponse = await handler(request)
    except MalformedError as error:
        return _refusal(400, str(error))
    except web.HTTPRequestEntityTooLarge:
        return _refusal(413, f"a body has at most {_LARGEST} bytes, unpacked")
    except web.HTTPNotFound:
        return _refusal(404, f"there is no {request.method} {request.path}; {_ROUTES}")
    except web.HTTPMethodNotAllowed as error:
        return _refusal(405, f"there is no {request.method} {request.path}; {_ROUTES}", error.headers.get("Allow"))
    except web.HTTPException as error:
        return _refusal(error.status, error.text or error.reason)
    return answer


async def _read(request: web.Request) -> tuple[Message, int]:
    """The object of a body, and its bytes, unpacked. Raises MalformedError, and what the framework answers."""
    if request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType(text=_PROTOBUF.format(request.content_type))
    encoding = request.headers.get("Content-Encoding", "identity")
    if encoding not in ("identity", "gzip", "deflate"):
        raise web.HTTPUnsupportedMediaType(text=f"a body comes as it is, or packed by gzip, not by {encoding}")
    try:
        body = await request.read()
    except web.RequestPayloadError as error:
        raise MalformedError(f"the body cannot be unpacked: {error}") from error
    try:
        found = json.loads(body, parse_constant=_refuse_constant)
    except RecursionError:
        raise MalformedError("the body is nested too deeply") from None
    except ValueError as error:
        raise MalformedError(f"the body is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise MalformedError("the body is no object")
    return Message(found, "$"), len(body)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is written as a text")


def _refusal(status: int, reason: str, allow: str | None = None) -> web.Response:
    return _json({"code": _INVALID_ARGUMENT, "message": reason}, status, {"Allow": allow} if allow else None)


def _json(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(status=status, text=json.dumps(value), content_type="application/json", headers=headers)
