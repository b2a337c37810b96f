"""A host for tests: the functions over memory, as a WSGI application, reached by the routes of function_app.py."""

import asyncio
import re
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qsl

import azure.functions as func

import function_app
from engine.triggers.openapi import routes_of
from tests import described
from tests.rest import FUNCTIONS, Function, Functions

ROUTES: Final = routes_of(function_app.app)


async def _openapi(req: func.HttpRequest) -> func.HttpResponse:
    return await described.DOCUMENTATION.openapi(req, function_app.app, function_app.READ_MODELS_OF)


async def _docs(req: func.HttpRequest) -> func.HttpResponse:
    return await described.DOCUMENTATION.docs(req, function_app.app, function_app.READ_MODELS_OF)


class Host:
    """Calls the functions on a loop of its own, which `close` ends, and refuses answers that are not described."""

    def __init__(self, functions: Functions) -> None:
        self.loop = asyncio.new_event_loop()
        of_the_interface = {name: of(functions) for name, of in FUNCTIONS.items()}
        self._functions: Mapping[str, Function] = {**of_the_interface, "get_openapi": _openapi, "get_docs": _docs}

    def __call__(self, environ: Mapping[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path, method = environ["PATH_INFO"], environ["REQUEST_METHOD"]
        for route in ROUTES:
            match = re.fullmatch(re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", route.path), path)
            if match and route.method == method:
                request = func.HttpRequest(
                    method,
                    path,
                    headers=_headers(environ),
                    params=dict(parse_qsl(environ["QUERY_STRING"])),
                    route_params=match.groupdict(),
                    body=environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)),
                )
                response = self.loop.run_until_complete(self._functions[route.function](request))
                described.check(route.function, response)
                status = HTTPStatus(response.status_code)
                headers = {"Content-Type": response.mimetype, **dict(response.headers)}
                start_response(f"{status.value} {status.phrase}", list(headers.items()))
                return [response.get_body()]
        start_response("404 Not Found", [])
        return [b""]

    def close(self) -> None:
        self.loop.close()


def _headers(environ: Mapping[str, Any]) -> dict[str, str]:
    """As the server got them; what WSGI writes in another form included."""
    sent = {name.removeprefix("HTTP_"): value for name, value in environ.items() if name.startswith("HTTP_")}
    return {name.replace("_", "-").lower(): value for name, value in sent.items()}
