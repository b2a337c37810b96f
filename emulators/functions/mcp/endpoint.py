"""`/runtime/webhooks/mcp`: the transport that is called Streamable HTTP, without any state between two requests.

As StreamableHttpRequestHandler of the extension has it: each POST is answered by a stream of one event, or by nothing.
"""

import re
import secrets
from collections.abc import Iterable
from typing import Any

from aiohttp import web

from emulators.functions.console import Console
from emulators.functions.http_trigger import headers_of
from emulators.functions.indexing import Function
from emulators.functions.invocation import Failure, Invoker, report
from emulators.functions.keys import Keys
from emulators.functions.mcp.options import McpOptions
from emulators.functions.mcp.protocol import (
    INVALID_PARAMS,
    METHOD_NOT_FOUND,
    REFUSED,
    Message,
    ProtocolError,
    answer,
    as_event,
    error,
    initialized,
    parse,
)
from emulators.functions.mcp.tools import ResultError, tools_of

PATH = "/runtime/webhooks/mcp"
SYSTEM_KEY = "mcp_extension"

_SESSION = "Mcp-Session-Id"
_SESSION_ID = re.compile(r"[0-9a-f]{32}")
_MEDIA_TYPES = ("application/json", "text/event-stream")


class McpEndpoint:
    """Answers for the tools of one host; an app without any has no such path."""

    def __init__(
        self,
        functions: Iterable[Function],
        invoker: Invoker,
        console: Console,
        *,
        options: McpOptions,
        keys: Keys | None,
    ) -> None:
        self._tools, problems = tools_of(functions)
        self._invoker = invoker
        self._console = console
        self._options = options
        self._keys = keys if options.asks_for_key else None
        for name, problem in problems.items():
            console.line(f"The '{name}' function is in error: {problem}")

    async def handle(self, request: web.BaseRequest) -> web.Response | None:
        """The answer at the path of the extension, None at any other."""
        if request.path.rstrip("/").lower() != PATH or not self._tools:
            return None
        if self._keys is not None and not self._keys.permit_system(request, SYSTEM_KEY):
            return web.Response(status=401)
        if request.method != "POST":
            return web.Response(status=405)
        if not all(_accepts(request, each) for each in _MEDIA_TYPES):
            return _refused(406, "Not Acceptable: Client must accept both application/json and text/event-stream")
        session = request.headers.get(_SESSION) or None
        if session is not None and not _SESSION_ID.fullmatch(session):
            return _refused(400, "Invalid client state.")
        try:
            message = parse(await request.content.read())
        except ProtocolError as refusal:
            return _refused(400, str(refusal))
        if message.method is None or message.id is None:
            return web.Response(status=202)
        return await self._answered(request, message, session)

    async def _answered(self, request: web.BaseRequest, message: Message, session: str | None) -> web.Response:
        headers = {"Cache-Control": "no-cache,no-store"}
        if message.method == "initialize":
            headers[_SESSION] = session or secrets.token_hex(16)
        try:
            said = answer(message, await self._result(request, message, session))
        except ProtocolError as refusal:
            said = error(message.id, refusal.code, str(refusal))
        return web.Response(body=as_event(said).encode(), content_type="text/event-stream", headers=headers)

    async def _result(self, request: web.BaseRequest, message: Message, session: str | None) -> dict[str, Any]:
        match message.method:
            case "initialize":
                return initialized(message.params, self._options)
            case "ping":
                return {}
            case "tools/list":
                return {"tools": [each.listed() for each in self._tools.values()]}
            case "tools/call":
                return await self._called(request, message.params, session)
        raise ProtocolError(METHOD_NOT_FOUND, f"Method '{message.method}' is not available.")

    async def _called(self, request: web.BaseRequest, params: dict[str, Any], session: str | None) -> dict[str, Any]:
        name, arguments = params.get("name"), params.get("arguments")
        tool = self._tools.get(str(name).lower())
        if tool is None:
            raise ProtocolError(INVALID_PARAMS, f"Unknown tool: '{name or ''}'")
        if arguments is not None and not isinstance(arguments, dict):
            raise ProtocolError(INVALID_PARAMS, "The arguments of a call must be an object.")
        if missing := tool.missing(arguments or {}):
            raise ProtocolError(
                INVALID_PARAMS,
                f"One or more required tool properties are missing values. Please provide: {', '.join(missing)}",
            )
        outcome = await self._invoker.invoke(tool.function, tool.call(arguments, headers_of(request), session))
        report(self._console, tool.function.name, outcome, f"tool {tool.name}")
        # Of what a function raises, the SDK in the extension says no more than that.
        failed = {"content": [{"type": "text", "text": f"An error occurred invoking '{name}'."}], "isError": True}
        if isinstance(outcome, Failure):
            return failed
        try:
            return tool.result(outcome.returned)
        except ResultError as wrong:
            self._console.outcome(tool.function.name, f"FAILED tool {tool.name}: {wrong}")
            return failed


def _accepts(request: web.BaseRequest, media_type: str) -> bool:
    sent = ",".join(request.headers.getall("Accept", [])).lower()
    ranges = {each.partition(";")[0].strip() for each in sent.split(",")}
    return bool({media_type, f"{media_type.partition('/')[0]}/*", "*/*"} & ranges)


def _refused(status: int, text: str) -> web.Response:
    return web.json_response(error(None, REFUSED, text), status=status)
