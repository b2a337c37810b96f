"""What is noted reaches a collector by OTLP, and a collector that does not take it costs no command anything."""

import asyncio
import json
import os
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from engine.telemetry.instruments import GROUP_SIZE, PARKED

ROOT = Path(__file__).resolve().parent.parent.parent.parent

# A process of its own: what exports is set up once in a process.
PROCESS = """
from engine.settings import TelemetrySettings
from engine.telemetry import metrics, spans
from engine.telemetry.exporting import Process, start
from engine.telemetry.instruments import GROUP_SIZE, PARKED

start(TelemetrySettings(otlp=True, azure_monitor=None), Process("app", "host-1"))
with spans.span("outer", attributes={"stream.id": "guest-g-1"}) as outer:
    with spans.span("inner", kind="client"):
        metrics.record(GROUP_SIZE, 3, {"stream.category": "guest"})
        metrics.record(PARKED, 2, {"consumer.name": "relay"})
print(outer.traceparent)
"""


@asynccontextmanager
async def collector(
    status: int = 200, headers: Mapping[str, str] | None = None, *, answers: bool = True
) -> AsyncIterator[tuple[str, dict[str, list[Any]]]]:
    taken: dict[str, list[Any]] = {"/v1/traces": [], "/v1/metrics": []}

    async def take(request: web.Request) -> web.Response:
        taken[request.path].append(json.loads(await request.read()))
        if not answers:
            await asyncio.Event().wait()
        return web.json_response({}, status=status, headers=headers)

    app = web.Application()
    app.router.add_post("/{any:.*}", take)
    # Whoever waits for an answer at the end has left.
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", taken
    finally:
        await runner.cleanup()


async def run(code: str, **environment: str) -> str:
    """What a fresh process prints; when it ends, its exporters have sent what they have."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        textwrap.dedent(code),
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, err.decode()
    return out.decode()


async def test_spans_and_metrics_reach_a_collector_with_the_ids_that_were_noted() -> None:
    async with collector() as (url, taken):
        printed = await run(PROCESS, OTEL_EXPORTER_OTLP_ENDPOINT=url)
    (batch,) = [each for sent in taken["/v1/traces"] for each in sent["resourceSpans"]]
    resource = {each["key"]: each["value"]["stringValue"] for each in batch["resource"]["attributes"]}
    assert (resource["service.name"], resource["service.instance.id"]) == ("app", "host-1")
    by_name = {each["name"]: each for scope in batch["scopeSpans"] for each in scope["spans"]}
    assert f"00-{by_name['outer']['traceId']}-{by_name['outer']['spanId']}-01" == printed.strip()
    assert by_name["inner"]["parentSpanId"] == by_name["outer"]["spanId"]
    (measured, *_) = [each for sent in taken["/v1/metrics"] for each in sent["resourceMetrics"]]
    kinds = {each["name"]: each for scope in measured["scopeMetrics"] for each in scope["metrics"]}
    (group,), (parked,) = kinds[GROUP_SIZE.name]["histogram"]["dataPoints"], kinds[PARKED.name]["gauge"]["dataPoints"]
    assert (3, 2) == (group["sum"], int(parked["asInt"]))


async def test_the_name_that_opentelemetry_s_own_setting_gives_wins() -> None:
    async with collector() as (url, taken):
        await run(PROCESS, OTEL_EXPORTER_OTLP_ENDPOINT=url, OTEL_SERVICE_NAME="the-house")
    assert '"the-house"' in json.dumps(taken["/v1/traces"])


@pytest.mark.parametrize(
    ("status", "headers", "answers"),
    [(400, {}, True), (429, {"Retry-After": "1"}, True), (503, {}, True), (200, {}, False)],
    ids=["refuses", "throttles", "is away", "hangs"],
)
async def test_a_collector_that_takes_nothing_fails_nothing(
    status: int, headers: dict[str, str], answers: bool
) -> None:
    async with collector(status, headers, answers=answers) as (url, taken):
        assert await run(PROCESS, OTEL_EXPORTER_OTLP_ENDPOINT=url)
    assert taken["/v1/traces"]
    assert taken["/v1/metrics"]


async def test_a_collector_that_is_not_there_fails_nothing() -> None:
    assert await run(PROCESS, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:1")


async def test_where_the_worker_has_set_up_its_exporters_they_get_the_spans_and_its_span_is_the_parent() -> None:
    code = """
        from opentelemetry import metrics, trace
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor
        from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

        kept, provider = InMemorySpanExporter(), TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(kept))
        trace.set_tracer_provider(provider)
        metrics.set_meter_provider(MeterProvider())

        from engine.settings import TelemetrySettings
        from engine.telemetry import exporting, spans

        notebook = exporting.start(TelemetrySettings(otlp=True, azure_monitor=None), exporting.Process("app", "host-1"))
        with trace.get_tracer("host").start_as_current_span("host") as host:
            with spans.span("ours"):
                pass
        with trace.get_tracer("host").start_as_current_span("another") as another:
            pass
        notebook.flush()
        ours = next(span for span in kept.get_finished_spans() if span.name == "ours")
        assert ours.parent.span_id == host.get_span_context().span_id
        assert len({span.context.span_id for span in kept.get_finished_spans()}) == 3
        print("so it is")
    """
    assert "so it is" in await run(code, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:1")
