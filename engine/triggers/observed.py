"""What telemetry says of an HTTP request."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import azure.functions as func

from engine.telemetry import metrics
from engine.telemetry.instruments import HTTP_DURATION
from engine.telemetry.logs import about
from engine.telemetry.spans import Kind, current, span


@contextmanager
def request(req: func.HttpRequest) -> Iterator[Callable[[func.HttpResponse], None]]:
    """Begins the span of a request: a part of the platform's, where that is known, else a child of the caller's.

    Yields what notes the answer.
    """
    began, within = time.perf_counter(), current()
    parent = within or req.headers.get("traceparent", "").strip()
    route = _route(req)
    attributes = {"http.request.method": req.method, "http.route": route}
    kind: Kind = "internal" if within else "server"
    with (
        span(f"{req.method} {route}", kind=kind, parent=parent, attributes=attributes) as its_span,
        metrics.on_behalf_of(f"{req.method} {route}"),
        about(request=f"{req.method} {route}"),
    ):

        def answered(response: func.HttpResponse) -> None:
            status = {"http.response.status_code": response.status_code}
            its_span.set(status)
            if response.status_code >= 500:
                its_span.fail(str(response.status_code))
            metrics.record(HTTP_DURATION, time.perf_counter() - began, {**attributes, **status})

        yield answered


def _route(req: func.HttpRequest) -> str:
    """Returns the path with the names of its parameters in place of their values, which may be names of people."""
    names = {value: name for name, value in req.route_params.items()}
    segments = urlsplit(req.url).path.split("/")
    return "/".join(f"{{{names[each]}}}" if each in names else each for each in segments)
