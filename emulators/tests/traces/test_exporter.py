"""The exporter of OpenTelemetry's SDK is the judge: what it sends is taken, and shown as it was recorded."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest
from opentelemetry.exporter.otlp.json.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.json.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, SpanContext, SpanKind

from emulators.traces.server import TracesServer

RESOURCE = Resource({"service.name": "shop", "service.instance.id": "a-1"})
OTHER = SpanContext(0xA, 0xB, is_remote=True)


def recorded(url: str) -> str:
    """A trace of two spans is exported; returns its id."""
    provider = TracerProvider(resource=RESOURCE)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{url}/v1/traces")))
    tracer = provider.get_tracer("tests")
    attributes: dict[str, Any] = {"stream.id": "order-1", "n": 7, "x": 0.5, "on": True, "list": ["a", "b"]}
    try:
        with tracer.start_as_current_span("outer", kind=SpanKind.SERVER, attributes=attributes) as outer:
            context = outer.get_span_context()
            with tracer.start_as_current_span("inner", kind=SpanKind.CLIENT, links=[Link(OTHER)]):
                raise ValueError("boom")
    except ValueError:
        pass
    provider.shutdown()
    return f"{context.trace_id:032x}"


@pytest.mark.verified("sdk", feature="Spans: kinds, attributes, links, events, status, resource")
@pytest.mark.parametrize("compression", ["none", "gzip", "deflate"])
async def test_spans(
    server: TracesServer, session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch, compression: str
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", compression)
    trace_id = await asyncio.to_thread(recorded, server.url)

    async with session.get(f"{server.url}/traces/{trace_id}") as answer:
        outer, inner = (await answer.json())["spans"]
    assert ("outer", "server", None, "error") == tuple(outer[n] for n in ("name", "kind", "parentSpanId", "status"))
    assert {"stream.id": "order-1", "n": 7, "x": 0.5, "on": True, "list": ["a", "b"]} == outer["attributes"]
    assert {"service.name": "shop", "service.instance.id": "a-1"} == outer["resource"]
    assert ("inner", "client", outer["spanId"]) == tuple(inner[name] for name in ("name", "kind", "parentSpanId"))
    assert [(f"{0xA:032x}", f"{0xB:016x}")] == [(each["traceId"], each["spanId"]) for each in inner["links"]]
    assert ["ValueError"] == [each["attributes"]["exception.type"] for each in inner["events"]]
    assert 0 <= inner["durationMs"] <= outer["durationMs"] < 60_000


def measured(url: str) -> None:
    reader = PeriodicExportingMetricReader(OTLPMetricExporter(f"{url}/v1/metrics"))
    provider = MeterProvider([reader], RESOURCE)
    meter = provider.get_meter("tests")
    counter = meter.create_counter("orders", "{order}")
    counter.add(1, {"kind": "a"})
    provider.force_flush()
    counter.add(2, {"kind": "a"})
    counter.add(5, {"kind": "b"})
    meter.create_gauge("lag", "s").set(0.5)
    meter.create_histogram("duration", "s").record(3)
    provider.shutdown()


@pytest.mark.verified("sdk", feature="Metrics: the newest point of each series, of sums, gauges and histograms")
async def test_metrics(server: TracesServer, session: aiohttp.ClientSession) -> None:
    await asyncio.to_thread(measured, server.url)

    async with session.get(f"{server.url}/metrics") as answer:
        duration, lag, *orders = (await answer.json())["metrics"]
    assert ("duration", "s", "histogram", 1, 3) == tuple(duration[n] for n in ("name", "unit", "kind", "count", "sum"))
    assert 1 == sum(duration["buckets"])
    assert len(duration["bounds"]) + 1 == len(duration["buckets"])
    assert ("lag", 0.5, "a-1") == (lag["name"], lag["value"], lag["resource"]["service.instance.id"])
    assert {("a", 3), ("b", 5)} == {(each["attributes"]["kind"], each["value"]) for each in orders}
