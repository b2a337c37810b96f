"""What Microsoft's exporters send to Application Insights, as the rows that a query would find there."""

import gzip
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, NamedTuple

KEY: Final = "0d3ad1f1-93d6-4a5e-8f43-6b2f5d0f8e11"
"""The instrumentation key of the resource, which no line of a log may hold."""

TABLES: Final[Mapping[str, tuple[str, str]]] = {
    "RequestData": ("requests", "request"),
    "RemoteDependencyData": ("dependencies", "dependency"),
    "MetricData": ("customMetrics", "customMetric"),
    "MessageData": ("traces", "trace"),
    "ExceptionData": ("exceptions", "exception"),
}
"""Of each type of data, its table, and what `itemType` says there."""


class Row(NamedTuple):
    """`columns` has those that are filled from an envelope; names are those of Application Insights itself.

    https://learn.microsoft.com/azure/azure-monitor/app/convert-classic-resource has them beside those of a workspace.
    """

    table: str
    columns: Mapping[str, Any]

    @property
    def name(self) -> str:
        return str(self.columns.get("name", ""))

    @property
    def dimensions(self) -> Mapping[str, str]:
        found: Mapping[str, str] = self.columns["customDimensions"]
        return found


@dataclass
class Ingestion:
    """`envelopes` are what was taken."""

    connection_string: str = ""
    envelopes: list[Mapping[str, Any]] = field(default_factory=list)

    def rows(self) -> list[Row]:
        """Of all envelopes, but for those in which the exporters tell of themselves."""
        found = [_row(each) for each in list(self.envelopes)]
        return [each for each in found if each.columns["cloud_RoleName"] == "functions" and each.name[:1] != "_"]


@contextmanager
def ingestion() -> Iterator[Ingestion]:
    """An endpoint for the length of a block, in a thread of the test's process."""
    taken = Ingestion()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            sent: Sequence[Mapping[str, Any]] = json.loads(body)
            taken.envelopes.extend(sent)
            answer = json.dumps({"itemsReceived": len(sent), "itemsAccepted": len(sent), "errors": []}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    taken.connection_string = f"InstrumentationKey={KEY};IngestionEndpoint=http://127.0.0.1:{server.server_port}/"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield taken
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _row(envelope: Mapping[str, Any]) -> Row:
    kind, data, tags = envelope["data"]["baseType"], envelope["data"]["baseData"], envelope["tags"]
    table, item_type = TABLES[kind]
    columns: dict[str, Any] = {
        "itemType": item_type,
        "timestamp": envelope["time"],
        "operation_Id": tags.get("ai.operation.id"),
        "operation_ParentId": tags.get("ai.operation.parentId"),
        "operation_Name": tags.get("ai.operation.name"),
        "cloud_RoleName": tags["ai.cloud.role"],
        "cloud_RoleInstance": tags["ai.cloud.roleInstance"],
        "itemCount": 1,
        "customDimensions": data.get("properties", {}),
    }
    if kind == "MetricData":
        (point,) = data["metrics"]
        columns |= {"name": point["name"], "valueSum": point["value"], "valueCount": point.get("count", 1)}
        columns |= {"valueMin": point.get("min"), "valueMax": point.get("max")}
    else:
        columns |= {name: data[name] for name in ("id", "name", "duration", "success") if name in data}
        columns |= {name: data[name] for name in ("type", "target", "data", "message") if name in data}
        columns |= {"resultCode": data.get("resultCode", data.get("responseCode"))}
    return Row(table, columns)
