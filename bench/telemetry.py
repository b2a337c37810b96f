"""Part 2b: what telemetry adds to a warm command, exported, sampled and off."""

import asyncio
import statistics
import subprocess
import sys
from collections.abc import Sequence
from typing import Final

from opentelemetry.exporter.otlp.json.common.trace_encoder import encode_spans
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

from bench import cloud
from bench.material import CUSTOMER, LINES, new_context, new_id
from composition.services import build
from domain.order.aggregate import ORDER
from domain.order.commands import ConfirmOrder, PlaceOrder
from emulators.bench.measure import interleaved, interleaved_async
from emulators.bench.report import Goal, Table
from emulators.bench.scale import Scale
from engine.commands import observed
from engine.commands.group import CommandResult, Member
from engine.messaging.envelope import CommandEnvelope
from engine.services import Services
from engine.telemetry import metrics, spans
from engine.telemetry.opentelemetry import Notebook

_COMMANDS: Final = 60
_ROUNDS: Final = 5
"""So many times the rounds of other parts: here a twentieth is to be told from nothing."""

_CALLS: Final = 10_000
_IMPORT: Final = """
import contextlib, contextvars, dataclasses, datetime, json, logging, time, traceback, typing
began = time.perf_counter()
import engine.telemetry.charges, engine.telemetry.logs, engine.telemetry.metrics
print(time.perf_counter() - began)
"""
_OFF: Final = "off"
_ON: Final = "every trace"
_SAMPLED: Final = "one trace in a hundred"


class _Encoded(SpanExporter):
    """Does what an exporter does, but for the sending."""

    def export(self, exported: Sequence[ReadableSpan]) -> SpanExportResult:
        encode_spans(exported).to_json()
        return SpanExportResult.SUCCESS


async def run(scale: Scale) -> Sequence[Table]:
    with cloud.cosmos() as service:
        known = cloud.settings(service.url)
        cloud.provision(cloud.environment(service.url))
        async with build(known) as services:
            return await _tables(scale, services)


async def _tables(scale: Scale, services: Services) -> Sequence[Table]:
    sides, rounds = (_OFF, _ON, _SAMPLED), scale.rounds * _ROUNDS
    orders = {(side, number): [new_id() for _ in range(_COMMANDS)] for side in sides for number in range(rounds + 1)}
    for order_ids in orders.values():
        for order_id in order_ids:
            command = PlaceOrder(order_id, CUSTOMER, LINES)
            await services.commands.handle(ORDER, _envelope(order_id, command), probably_new=True)
    providers = {_ON: TracerProvider(), _SAMPLED: TracerProvider(ParentBased(TraceIdRatioBased(0.01)))}
    for provider in providers.values():
        provider.add_span_processor(BatchSpanProcessor(_Encoded()))
    notebooks = {
        side: Notebook(provider, MeterProvider([InMemoryMetricReader()])) for side, provider in providers.items()
    }
    for notebook in notebooks.values():
        notebook.start()

    async def confirm(side: str, number: int) -> None:
        if side != _OFF:
            spans.use(notebooks[side].noting)
            metrics.use(notebooks[side].noting.notes.append)
        try:
            for order_id in orders[side, number]:
                await services.commands.handle(ORDER, _envelope(order_id, ConfirmOrder()))
        finally:
            spans.use(None)
            metrics.use(None)

    async def off(number: int) -> None:
        await confirm(_OFF, number)

    async def on(number: int) -> None:
        await confirm(_ON, number)

    async def sampled(number: int) -> None:
        await confirm(_SAMPLED, number)

    timings = await interleaved_async({_OFF: off, _ON: on, _SAMPLED: sampled}, rounds, _COMMANDS)
    for side, provider in providers.items():
        notebooks[side].close()
        provider.shutdown()
    ratios = {side: timings.ratio(side, _OFF) for side in sides}
    exported = Table(
        "A warm command with telemetry",
        f"""
        `CommandHandler.handle` with a warm cache against the local Cosmos DB, {_COMMANDS} commands one after the other,
        {rounds} rounds, in turns: without telemetry; with a span for the command, one for its request and the
        metrics of both, encoded for export in a thread of this process; and with one trace in a hundred kept.
        """,
        ["", "ms, median", "over off"],
        [[side, timings.median(side) * 1e3, ratios[side]] for side in sides],
        [
            Goal("every trace over off", 1.1, ratios[_ON]),
            Goal("one trace in a hundred over off", 1.05, ratios[_SAMPLED]),
        ],
    )
    return [exported, _off_table(scale, timings.median(_OFF))]


def _off_table(scale: Scale, command: float) -> Table:
    calls = interleaved({_OFF: _noting_nothing}, scale.rounds, _CALLS).median(_OFF)
    loading = statistics.median(_loading() for _ in range(scale.rounds))
    return Table(
        "Telemetry that is off",
        f"""
        What a warm command calls of telemetry where nothing is exported, alone, {_CALLS:,} times, {scale.rounds}
        rounds; and the import of what is called, in a new process that has the parts of the standard library already.
        """,
        ["", "measured"],
        [["calls of a command, µs", calls * 1e6], ["import, ms", loading * 1e3]],
        [Goal("telemetry that is off, share of a warm command", 0.01, calls / command)],
    )


def _noting_nothing() -> None:
    """Calls what `CommandHandler.handle` and the transport call for one command, in their order."""
    envelope = _envelope(new_id(), ConfirmOrder())
    answer: asyncio.Future[CommandResult] = asyncio.get_running_loop().create_future()
    for _ in range(_CALLS):
        with observed.command(envelope) as (_, span):
            with observed.turn([Member(ORDER, envelope, False, answer, None, span)]):
                observed.remembered("order")
                with observed.append("order"):
                    spans.are_traced()
                span.set({"append.events": 1})
            span.set({"stream.version": 1})


def _loading() -> float:
    """Returns the seconds of the import in a new process."""
    done = subprocess.run([sys.executable, "-c", _IMPORT], capture_output=True, text=True, check=True)  # noqa: S603
    return float(done.stdout)


def _envelope(order_id: str, command: object) -> CommandEnvelope:
    """Returns a command that begins a trace of its own."""
    envelope = new_context().to(ORDER.stream_id(order_id), command)
    return envelope._replace(origin=envelope.origin._replace(traceparent=""))
