"""Part 2b: what telemetry adds to a warm command, exported, sampled and off."""

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
from emulators.bench.measure import interleaved_async
from emulators.bench.report import Goal, Table
from emulators.bench.scale import Scale
from engine.messaging.envelope import CommandEnvelope
from engine.services import Services
from engine.telemetry import metrics, spans
from engine.telemetry.opentelemetry import Notebook

_COMMANDS: Final = 60
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
            return [await _table(scale, services)]


async def _table(scale: Scale, services: Services) -> Table:
    sides = (_OFF, _ON, _SAMPLED)
    orders = {
        (side, number): [new_id() for _ in range(_COMMANDS)] for side in sides for number in range(scale.rounds + 1)
    }
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
            metrics.use(notebooks[side].noting)
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

    timings = await interleaved_async({_OFF: off, _ON: on, _SAMPLED: sampled}, scale.rounds, _COMMANDS)
    for side, provider in providers.items():
        notebooks[side].close()
        provider.shutdown()
    ratios = {side: timings.ratio(side, _OFF) for side in sides}
    return Table(
        "A warm command with telemetry",
        f"""
        `CommandHandler.handle` with a warm cache against the local Cosmos DB, {_COMMANDS} commands one after the other,
        {scale.rounds} rounds, in turns: without telemetry; with a span for the command, one for its request and the
        metrics of both, encoded for export in a thread of this process; and with one trace in a hundred kept.
        """,
        ["", "ms, median", "over off"],
        [[side, timings.median(side) * 1e3, ratios[side]] for side in sides],
        [
            Goal("every trace over off", 1.1, ratios[_ON]),
            Goal("one trace in a hundred over off", 1.05, ratios[_SAMPLED]),
        ],
    )


def _envelope(order_id: str, command: object) -> CommandEnvelope:
    """Returns a command that begins a trace of its own."""
    envelope = new_context().to(ORDER.stream_id(order_id), command)
    return envelope._replace(origin=envelope.origin._replace(traceparent=""))
