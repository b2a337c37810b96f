"""The HTTP side of one host: functions under their routes, and the administration of the host."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager, nullcontext

from aiohttp import web

from emulators.functions.admin import Admin
from emulators.functions.console import Console
from emulators.functions.cors import Cors
from emulators.functions.failures import message_of
from emulators.functions.host_json import HostConfig
from emulators.functions.http_response import failure_response, write_response
from emulators.functions.http_routes import routes_of
from emulators.functions.http_trigger import MAX_BODY, call_for
from emulators.functions.indexing import Function
from emulators.functions.invocation import Failure, Invoker
from emulators.functions.keys import Keys
from emulators.functions.mcp.endpoint import McpEndpoint
from emulators.functions.routing import Router


class Endpoint:
    """Answers every request to one host."""

    def __init__(
        self,
        functions: Iterable[Function],
        invoker: Invoker,
        admin: Admin,
        console: Console,
        *,
        config: HostConfig,
        cors: Cors,
        keys: Keys | None,
        host: int,
    ) -> None:
        self._functions = {function.name: function for function in functions}
        self._invoker = invoker
        self._admin = admin
        self._console = console
        self._cors = cors
        self._keys = keys
        self._mcp = McpEndpoint(self._functions.values(), invoker, console, options=config.mcp, keys=keys)
        self._headers: Mapping[str, str] = {**config.custom_headers, "x-devstack-host": str(host)}
        self._throttle = Throttle(config.max_concurrent_requests, config.max_outstanding_requests)
        self._router = Router(routes_of(self._functions.values(), config.route_prefix))

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        preflight = self._cors.preflight(request)
        if preflight is not None:
            preflight.headers.update(self._headers)
            return preflight
        headers = {**self._headers, **self._cors.headers(request)}
        found = self._router.find(request.method, request.raw_path.partition("?")[0])
        if found is not None:
            function, values = self._functions[found[0]], found[1]
            answer = await self._run(request, function, values, headers)
        else:
            of_the_host = await self._mcp.handle(request) or await self._admin.handle(request)
            answer = of_the_host or web.Response(status=404)
        if not answer.prepared:
            answer.headers.update(headers)
        return answer

    async def _run(
        self, request: web.BaseRequest, function: Function, values: Mapping[str, str], headers: Mapping[str, str]
    ) -> web.StreamResponse:
        if function.problem is not None:
            return web.Response(status=501, text=f"{function.name} is in error: {function.problem}\n")
        level = str(function.trigger.fields.get("authLevel", "FUNCTION")).upper()
        if self._keys is not None and not self._keys.permit(request, level, function.name):
            return web.Response(status=401)
        if (request.content_length or 0) > MAX_BODY:
            return web.Response(status=413)
        async with self._throttle.turn() as admitted:
            if not admitted:
                return web.Response(status=429)
            return await self._invoke(request, function, values, headers)

    async def _invoke(
        self, request: web.BaseRequest, function: Function, values: Mapping[str, str], headers: Mapping[str, str]
    ) -> web.StreamResponse:
        call = await call_for(request, function.trigger.name, values)
        outcome = await self._invoker.invoke(function, call)
        what = f"{request.method} {request.raw_path}"
        if isinstance(outcome, Failure):
            self._console.outcome(function.name, outcome.summary(what), outcome.stack)
            return failure_response()
        try:
            if outcome.response is None:
                answer: web.StreamResponse = web.Response()
            else:
                answer = await write_response(request, outcome.response, headers)
        except ConnectionError:
            # The client has gone.
            raise
        except Exception as error:  # noqa: BLE001 - whatever the function returned is no answer
            self._console.outcome(function.name, f"FAILED {what}: {message_of(error)}")
            return failure_response()
        self._console.outcome(function.name, f"{answer.status} {what} {outcome.seconds * 1000:.0f} ms")
        return answer


class Throttle:
    """`http.maxConcurrentRequests` run, `http.maxOutstandingRequests` run or wait, others are refused at once."""

    def __init__(self, concurrent: int | None, outstanding: int | None) -> None:
        self._slots = None if concurrent is None else asyncio.Semaphore(concurrent)
        self._limit = outstanding
        self._outstanding = 0

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[bool]:
        """Wait for a slot; gives False at once for a request that must be answered 429."""
        if self._limit is not None and self._outstanding >= self._limit:
            yield False
            return
        self._outstanding += 1
        try:
            async with self._slots or nullcontext():
                yield True
        finally:
            self._outstanding -= 1
