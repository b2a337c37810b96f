"""`/` and `/admin/…`: what the host says about itself, and starting a function by hand."""

import asyncio
import time
import uuid
from collections.abc import Iterable
from typing import Any

from aiohttp import web
from azure.functions.meta import Datum

from emulators.functions.bindings import Binding, BindingError
from emulators.functions.console import Console
from emulators.functions.engine import Call
from emulators.functions.failures import message_of
from emulators.functions.http_routes import template_of
from emulators.functions.indexing import Function
from emulators.functions.invocation import Invoker, report
from emulators.functions.json_values import parse
from emulators.functions.keys import Keys
from emulators.functions.servicebus.binding_data import ConversionError
from emulators.functions.servicebus.trigger import call_by_hand as service_bus_call_by_hand
from emulators.functions.timers import timer_by_hand

# The version of the real host whose behaviour was measured.
HOST_VERSION = "4.1037.0.0"


class Admin:
    """Answers the host's own paths."""

    def __init__(
        self,
        functions: Iterable[Function],
        invoker: Invoker,
        console: Console,
        *,
        keys: Keys | None,
        errors: Iterable[str],
        route_prefix: str,
    ) -> None:
        self._functions = {function.name.lower(): function for function in functions}
        self._invoker = invoker
        self._console = console
        self._keys = keys
        self._instance_id = str(uuid.uuid4())
        self._errors = list(errors)
        self._prefix = route_prefix
        self._started = time.monotonic()
        self._tasks: set[asyncio.Task[None]] = set()

    async def handle(self, request: web.BaseRequest) -> web.Response | None:
        """The answer for a path of the host itself, None for any other path."""
        path = request.path.rstrip("/").lower()
        if path == "" and request.method == "GET":
            return web.Response(text="Your Functions host is up and running (devstack).\n")
        if path == "/admin/host/ping":
            return web.Response()
        if not path.startswith("/admin/"):
            return None
        if self._keys is not None and not self._keys.permit(request, "ADMIN"):
            return web.Response(status=401, headers={"WWW-Authenticate": "Bearer"})
        match path.removeprefix("/admin/").split("/"):
            case ["host", "status"]:
                return web.json_response(self._status())
            case ["functions"] if request.method == "GET":
                return web.json_response([self._describe(each, request) for each in self._functions.values()])
            case ["functions", name]:
                return await self._function(request, name)
            case ["warmup"]:
                return await self._warm_up()
        return web.Response(status=404)

    def _status(self) -> dict[str, Any]:
        status: dict[str, Any] = {
            "id": "devstack",
            "state": "Error" if self._errors else "Running",
            "version": HOST_VERSION,
            "versionDetails": f"{HOST_VERSION} (devstack)",
            "instanceId": self._instance_id,
            "processUptime": int((time.monotonic() - self._started) * 1000),
        }
        if self._errors:
            status["errors"] = self._errors
        return status

    def _describe(self, function: Function, request: web.BaseRequest) -> dict[str, Any]:
        base = f"{request.scheme}://{request.host}"
        trigger = function.trigger
        url = f"{base}/{template_of(function, self._prefix)}"
        return {
            "name": function.name,
            "href": f"{base}/admin/functions/{function.name}",
            "invoke_url_template": url if trigger.type == "httpTrigger" else None,
            "language": "python",
            "isDisabled": function.disabled,
            "config": {
                "name": function.name,
                "language": "python",
                "bindings": [
                    {"type": each.type, "name": each.name, "direction": each.direction, **each.fields}
                    for each in function.bindings
                ],
            },
            "error": function.problem,
        }

    async def _function(self, request: web.BaseRequest, name: str) -> web.Response:
        function = self._functions.get(name)
        if function is None:
            return web.Response(status=404)
        if request.method == "GET":
            return web.json_response(self._describe(function, request))
        if request.method != "POST":
            return web.Response(status=405)
        if request.content_type != "application/json":
            return web.Response(status=415)
        if function.problem is not None or function.disabled:
            return web.Response(status=501, text=f"{function.name} does not run: {function.problem or 'disabled'}\n")
        try:
            content = parse(await request.content.read() or b"{}")
        except ValueError:
            return web.Response(status=400, text="the body must be JSON\n")
        text = content.get("input") if isinstance(content, dict) else None
        self._start(function, text if isinstance(text, str) else "")
        return web.Response(status=202)

    async def _warm_up(self) -> web.Response:
        function = self._functions.get("warmup")
        if function is None or function.trigger.type != "warmupTrigger":
            return web.Response(status=404)
        self._start(function, "")
        return web.Response(status=202)

    def _start(self, function: Function, text: str) -> None:
        """The answer goes out before the function runs, as it does in the real host."""
        task = asyncio.create_task(self._run(function, text))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(self._console.crash_of)

    async def _run(self, function: Function, text: str) -> None:
        trigger = function.trigger
        if trigger.type == "httpTrigger":
            self._console.outcome(function.name, "FAILED by hand: An HttpRequest is required")
            return
        try:
            call = _call_by_hand(trigger, text)
        except (BindingError, ConversionError) as error:
            self._console.outcome(function.name, f"FAILED by hand: {error}")
            return
        except Exception as error:  # noqa: BLE001 - a text by hand may be anything
            self._console.outcome(function.name, f"FAILED by hand: {message_of(error)}")
            return
        outcome = await self._invoker.invoke(function, call)
        report(self._console, function.name, outcome, "by hand")


def _call_by_hand(trigger: Binding, text: str) -> Call:
    if trigger.type == "serviceBusTrigger":
        return service_bus_call_by_hand(trigger, text)
    value = timer_by_hand() if trigger.type == "timerTrigger" else Datum(text, "string")
    return Call({trigger.name: value}, {trigger.name: Datum(text, "string")})
