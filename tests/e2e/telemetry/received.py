"""What processes export by OTLP over HTTP in JSON, kept as it came by a receiver in a thread of the test's process."""

import gzip
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, NamedTuple

Attributes = Mapping[str, Any]

ERROR: Final = 2
"""The code of a span's status that says that its work has failed."""

SOON: Final[dict[str, Any]] = {"OTEL_BSP_SCHEDULE_DELAY": "100", "OTEL_METRIC_EXPORT_INTERVAL": "1000"}
"""Settings of the SDK: spans are sent every 100 ms, metrics every second."""


class Answer(NamedTuple):
    """What the receiver answers; None for a status: nothing, until the receiver ends."""

    status: int | None = 200
    headers: Mapping[str, str] = {}


TAKEN: Final = Answer()


class Span(NamedTuple):
    """Attributes and resource are of the types that were sent; `links` are pairs of trace and span id."""

    trace_id: str
    span_id: str
    parent_id: str
    name: str
    kind: int
    failed: bool
    attributes: Attributes
    links: Sequence[tuple[str, str]]
    resource: Attributes

    @property
    def is_done(self) -> bool:
        """Whether it claims that its work took effect: it has not failed, and is no refusal."""
        return not self.failed and "answer.type" not in self.attributes


class Point(NamedTuple):
    """One point of a metric. `temporality` is None where there is none; `measured` is what OTLP calls a data point."""

    name: str
    unit: str
    kind: str
    temporality: int | None
    attributes: Attributes
    resource: Attributes
    measured: Mapping[str, Any]


@dataclass
class Receiver:
    """`bodies` are the requests that were answered 200, unpacked; `refused` counts the others."""

    url: str = ""
    answer: Answer = TAKEN
    bodies: list[bytes] = field(default_factory=list)
    refused: int = 0
    ended: threading.Event = field(default_factory=threading.Event)

    def spans(self) -> list[Span]:
        """Every span, once: an exporter that saw no answer sends again."""
        found = {(each.trace_id, each.span_id): each for each in self._each("resourceSpans", "scopeSpans", _spans)}
        return list(found.values())

    def points(self) -> list[Point]:
        """Every point that came, in the order in which they came."""
        return list(self._each("resourceMetrics", "scopeMetrics", _points))

    def _each(self, resources: str, scopes: str, read: Any) -> Iterator[Any]:
        for body in list(self.bodies):
            for of_resource in json.loads(body).get(resources, ()):
                resource = _attributes(of_resource["resource"])
                for scope in of_resource[scopes]:
                    yield from read(scope, resource)


@contextmanager
def receiver() -> Iterator[Receiver]:
    """A receiver for the length of a block."""
    received = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            body = self.rfile.read(length)
            if len(body) < length:
                # Whoever sent it was killed.
                self.close_connection = True
                return
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            status, headers = received.answer
            if status == 200:
                received.bodies.append(body)
            else:
                received.refused += 1
            if status is None:
                received.ended.wait()
                self.close_connection = True
                return
            self.send_response(status)
            for name, value in {**headers, "Content-Type": "application/json", "Content-Length": "2"}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    received.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield received
    finally:
        received.ended.set()
        server.shutdown()
        server.server_close()
        thread.join()


def _spans(scope: Mapping[str, Any], resource: Attributes) -> Iterator[Span]:
    for each in scope["spans"]:
        yield Span(
            trace_id=each["traceId"],
            span_id=each["spanId"],
            parent_id=each.get("parentSpanId", ""),
            name=each["name"],
            kind=each["kind"],
            failed=each.get("status", {}).get("code") == ERROR,
            attributes=_attributes(each),
            links=[(link["traceId"], link["spanId"]) for link in each.get("links", ())],
            resource=resource,
        )


def _points(scope: Mapping[str, Any], resource: Attributes) -> Iterator[Point]:
    for metric in scope["metrics"]:
        kind = next(each for each in ("sum", "gauge", "histogram", "exponentialHistogram") if each in metric)
        temporality = metric[kind].get("aggregationTemporality")
        for each in metric[kind]["dataPoints"]:
            yield Point(metric["name"], metric.get("unit", ""), kind, temporality, _attributes(each), resource, each)


def _attributes(holder: Mapping[str, Any]) -> Attributes:
    return {each["key"]: _value(each["value"]) for each in holder.get("attributes", ())}


def _value(typed: Mapping[str, Any]) -> Any:
    (kind, value), *_ = typed.items()
    return {"intValue": int, "doubleValue": float}.get(kind, lambda same: same)(value)
