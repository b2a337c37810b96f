"""Microsoft's exporters judge what is told to Application Insights, and the queries name what is found there.

What they send is held against what the same processes export by OTLP.
"""

import asyncio
import json
import os
import re
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from engine.telemetry.instruments import CONFLICTS, HTTP_DURATION, INSTRUMENTS
from tests.architecture.test_kql import COLUMNS, QUERIES, TABLES, statements
from tests.e2e.environments import environment
from tests.e2e.parts import Parts, parts
from tests.e2e.stack import ROOT, eventually
from tests.e2e.telemetry.ingestion import KEY, Ingestion, Row, ingestion
from tests.e2e.telemetry.orders import shopper
from tests.e2e.telemetry.received import SOON, Point, Receiver, Span, receiver

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]

QUIET: Final[dict[str, Any]] = {
    "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL": "true",
    "APPLICATIONINSIGHTS_CONTROLPLANE_DISABLED": "true",
}
"""Settings of the exporters: they tell Microsoft nothing of themselves, and ask nothing of it."""

TAKEN_AS_COLUMNS: Final = re.compile(r"(db|http|message|messaging)\..*|error\.type")
"""Attributes that the exporters take for columns of their own, and leave out of the dimensions of a span."""

BY_KIND: Final = {1: "dependencies", 2: "requests", 3: "dependencies", 4: "dependencies", 5: "requests"}

SOMETIMES: Final = {CONFLICTS.name, HTTP_DURATION.name}
"""The first is told where a writer meets another, the second never: it stands in the rows of requests."""

HISTOGRAMS: Final = {each.name for each in INSTRUMENTS if each.kind == "histogram"} - SOMETIMES

DISTRO: Final = "azure-monitor-opentelemetry==1.8.11"
"""What the worker sets up where PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY is on."""


@dataclass(frozen=True)
class Told:
    """What Application Insights was told, what a collector was, and what the processes have printed."""

    rows: Sequence[Row]
    spans: Sequence[Span]
    points: Sequence[Point]
    printed: str

    def of(self, *tables: str) -> list[Row]:
        return [row for row in self.rows if row.table in tables]


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One that has both exporters."""
    folder = tmp_path_factory.mktemp("environment") / "venv"
    return environment(folder, "requirements-azure-monitor.txt", "requirements-otlp.txt")


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory, python: Path) -> Iterator[Told]:
    """Of an order on its way to its customer, a request that is refused, and a view whose store was away."""
    data = tmp_path_factory.mktemp("service")
    with ingestion() as taken, receiver() as received:
        exporting: dict[str, Any] = {
            "APPLICATIONINSIGHTS_CONNECTION_STRING": taken.connection_string,
            "OTEL_EXPORTER_OTLP_ENDPOINT": received.url,
            "WEBSITE_INSTANCE_ID": "an-instance",
        }
        with parts(data, python=str(python), **exporting, **QUIET, **SOON) as running:
            yield asyncio.run(_told(running, taken, received))


async def _told(running: Parts, taken: Ingestion, received: Receiver) -> Told:
    running.control("cosmos", "faults", {"effect": "refuse", "status": 503, "container": "order-details"})
    async with shopper(running, "mug") as shop:
        await shop.is_refused(await shop.has_an_order_shipped("k-1"))
        await shop.a_minute_passes()
    found: list[Told] = []

    async def alike() -> bool:
        """The two are sent apart, some of it a second later."""
        found[:] = [Told(taken.rows(), received.spans(), received.points(), running.output)]
        (now,) = found
        spans = now.of("requests", "dependencies")
        is_measured = {each.name for each in INSTRUMENTS} - {row.name for row in now.rows} <= SOMETIMES
        return len(spans) == len(now.spans) and _counted(now) == _counted_by_otlp(now) and is_measured

    await eventually(True, alike, within=60)
    return found[0]


def _counted(told: Told) -> Counter[str]:
    """By what they add to, how often histograms were recorded."""
    counted = Counter[str]()
    for row in told.of("customMetrics"):
        if row.name in HISTOGRAMS:
            counted[row.name] += row.columns["valueCount"]
    return counted


def _counted_by_otlp(told: Told) -> Counter[str]:
    """The same by cumulative points: the last of each series has all."""
    counted = Counter[str]()
    for (name, *_), latest in {_series(each): each for each in told.points if each.name in HISTOGRAMS}.items():
        counted[name] += int(latest.measured["count"])
    return counted


def _series(point: Point) -> tuple[str, str, str]:
    return point.name, json.dumps(point.attributes), point.resource["service.instance.id"]


def test_each_span_is_a_row_of_the_table_of_its_kind(told: Told) -> None:
    rows = {row.columns["id"]: row for row in told.of("requests", "dependencies")}
    assert len(rows) == len(told.spans)
    for span in told.spans:
        columns = rows[span.span_id].columns
        assert (rows[span.span_id].table, columns["name"]) == (BY_KIND[span.kind], span.name)
        assert (columns["operation_Id"], columns["operation_ParentId"]) == (span.trace_id, span.parent_id or None)
        assert columns["cloud_RoleInstance"] == span.resource["service.instance.id"]


def test_a_row_has_failed_where_its_span_has_or_its_request_was_refused(told: Told) -> None:
    """A refusal fails no span of ours, but Application Insights takes every 4xx for a failure."""
    failed = {each.span_id for each in told.spans if each.failed}
    refused = {each.span_id for each in told.spans if 400 <= each.attributes.get("http.response.status_code", 0) < 500}
    rows = {row.columns["id"]: row.columns for row in told.of("requests", "dependencies")}
    assert failed
    assert refused
    assert failed | refused == {id_ for id_, columns in rows.items() if not columns["success"]}
    assert {rows[id_]["resultCode"][0] for id_ in refused} == {"4"}


def test_the_dimensions_of_a_row_are_the_attributes_that_are_no_columns(told: Told) -> None:
    rows = {row.columns["id"]: row for row in told.of("requests", "dependencies")}
    for span in told.spans:
        dimensions = dict(rows[span.span_id].dimensions)
        links = json.loads(dimensions.pop("_MS.links", "[]"))
        assert span.links == [(each["operation_Id"], each["id"]) for each in links]
        kept = {name: value for name, value in span.attributes.items() if not TAKEN_AS_COLUMNS.fullmatch(name)}
        assert dimensions == {name: str(value) for name, value in kept.items()}


def test_metrics_have_all_their_attributes_as_dimensions(told: Told) -> None:
    """They are told as what has been added since the last time, so that a query may sum them up."""
    sent = {(each.name, json.dumps(each.attributes, sort_keys=True)) for each in told.points}
    rows = {(row.name, json.dumps(row.dimensions, sort_keys=True)) for row in told.of("customMetrics")}
    assert {name for name, _ in sent - rows} == {HTTP_DURATION.name}
    assert rows <= sent
    assert _counted(told) == _counted_by_otlp(told)


@pytest.mark.parametrize("path", QUERIES, ids=lambda path: path.stem)
def test_a_query_asks_for_what_there_is(told: Told, path: Path) -> None:
    query = statements(path)
    words = set(re.findall(r"\w+", re.sub(r'"[^"]*"', "", query)))
    sources = [line for line in query.splitlines() if not line.startswith("|")]
    tables = sorted(TABLES & set(re.findall(r"\w+", " ".join(sources))) - {"traces"})
    if not tables:
        pytest.skip("lines of the log are told by the host, or by the exporters that the worker sets up")
    for table in tables:
        (row, *_) = told.of(table)
        assert words & COLUMNS <= row.columns.keys() | {"message"}
    rows = told.of(*tables)
    if names := re.findall(r'"([a-z_.]+)"', " ".join(re.findall(r'name (?:==|in) (\([^)]+\)|"[^"]+")', query))):
        rows = [row for row in rows if row.name in names]
    dimensions = {name for row in rows for name in row.dimensions}
    asked = set(re.findall(r'customDimensions\["([^"]+)"\]', query))
    # Nobody met another writer, and every request was answered.
    assert asked - {"error.type", "stream.category"} <= dimensions


def test_nobody_tells_the_key(told: Told) -> None:
    assert KEY not in told.printed


PROCESS: Final = """
import logging, os
logging.basicConfig(level=logging.WARNING)

from engine.settings import TelemetrySettings
from engine.telemetry import logs, metrics, spans
from engine.telemetry.exporting import Process, start
from engine.telemetry.instruments import GROUP_SIZE

logs.as_json_lines()
start(TelemetrySettings(False, os.environ["APPLICATIONINSIGHTS_CONNECTION_STRING"]), Process("functions", "host-1"))
with spans.span("work"), logs.about(stream="guest-1"):
    metrics.record(GROUP_SIZE, 1, {})
    try:
        raise ValueError("Ada Lovelace".upper())
    except ValueError:
        logging.getLogger("engine").exception("a request failed")
"""

SET_UP_BY_THE_WORKER: Final = """
import os
from azure.monitor.opentelemetry import configure_azure_monitor
configure_azure_monitor(connection_string=os.environ["APPLICATIONINSIGHTS_CONNECTION_STRING"], logger_name="")
"""


def run(python: Path, code: str, taken: Ingestion) -> str:
    """What a process logs, whose exporters have sent what they have when it ends."""
    settings = {
        "APPLICATIONINSIGHTS_CONNECTION_STRING": taken.connection_string,
        "OTEL_SERVICE_NAME": "functions",
        # What the worker sets up keeps some five traces a second otherwise.
        "OTEL_TRACES_SAMPLER": "always_on",
    }
    done = subprocess.run(
        [str(python), "-c", code], cwd=ROOT, env={**os.environ, **settings, **QUIET},
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    return done.stderr


def test_the_exporters_complain_of_nothing(python: Path) -> None:
    """In a process of its own: the host drops what threads log."""
    with ingestion() as taken:
        (line,) = run(python, PROCESS, taken).splitlines()
    assert "a request failed" in line
    resources = [each for each in taken.envelopes if "_OTELRESOURCE_" in json.dumps(each)]
    assert {"host-1"} == {each["data"]["baseData"]["properties"]["service.instance.id"] for each in resources}


def test_neither_file_brings_what_the_worker_brings_of_its_own(python: Path) -> None:
    """Up to Python 3.12 it shares its process with the app: whichever is first on the path would serve both."""
    listed = subprocess.run(
        [str(python), "-m", "pip", "list", "--format=freeze"], capture_output=True, text=True, timeout=60, check=True
    )
    names = {line.partition("=")[0].lower() for line in listed.stdout.splitlines()}
    assert "opentelemetry-exporter-otlp-json-http" in names
    assert not names & {"protobuf", "grpcio"}


def test_where_the_worker_exports_lines_of_the_log_an_exception_is_told_without_its_text(tmp_path: Path) -> None:
    """And once: spans and metrics go through the exporters that are there."""
    python = environment(tmp_path / "venv", "requirements.txt")
    subprocess.run([str(python), "-m", "pip", "install", "--quiet", DISTRO], check=True)
    with ingestion() as taken:
        run(python, SET_UP_BY_THE_WORKER + PROCESS, taken)
        rows = taken.rows()
    assert "LOVELACE" not in json.dumps(taken.envelopes)
    assert ["work"] == [row.name for row in rows if row.table == "dependencies"]
    assert 1 == sum(row.columns.get("name") == "eventsourcing.group.size" for row in rows)
    (line,) = (row for row in rows if "a request failed" in str(row.columns.get("message")))
    said: Mapping[str, str] = json.loads(line.columns["message"])
    assert (line.table, said["stream"], said["error"]) == ("traces", "guest-1", "ValueError")
