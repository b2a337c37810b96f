"""Part 2b: what telemetry adds to a warm command over HTTP, exported, sampled and off."""

import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from aiohttp import web

import function_app
from bench import clients, cloud
from bench.clients import Api
from bench.material import new_context, new_id
from domain.order.aggregate import ORDER
from domain.order.commands import ConfirmOrder
from emulators.bench import processes
from emulators.bench.machine import children, processor_seconds
from emulators.bench.measure import Timings, interleaved, interleaved_async, percentile
from emulators.bench.report import Cell, Goal, Table
from emulators.bench.scale import Scale
from engine.commands import observed
from engine.commands.group import CommandResult, Member
from engine.messaging.envelope import CommandEnvelope
from engine.telemetry import spans

_COMMANDS: Final = 500
"""Of one turn: about a second, in which a host hands over what it has noted twice."""

_HOSTS: Final = 3
"""Of each side, one after the other: two processes are never equally fast, and a twentieth is to be told."""

_STREAMS: Final = 20
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
_SAMPLING: Final = {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.01"}


@dataclass(frozen=True, slots=True)
class _Side:
    """What was measured of hosts with the same settings, turn by turn: seconds of commands, and of the processor."""

    name: str
    settings: Mapping[str, str]
    medians: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)

    async def turn(self, host: int, api: Api, number: int) -> None:
        """Sends commands, one after the other. Round 0 does not count. Raises AssertionError for a wrong answer."""
        seconds, before = list[float](), processor_seconds(host)
        for each in range(_COMMANDS):
            began = time.perf_counter()
            status = await api.receive_stock(0, f"{host}-{each % _STREAMS}")
            seconds.append(time.perf_counter() - began)
            if status not in (200, 201):
                raise AssertionError(f"a command was answered {status}")
        if number:
            self.processor.append((processor_seconds(host) - before) / _COMMANDS)
            self.medians.append(statistics.median(seconds))
            self.seconds.extend(seconds)


async def run(scale: Scale) -> Sequence[Table]:
    async with _collector() as endpoint:
        export = {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint}
        sides = [_Side(_OFF, {}), _Side(_ON, export), _Side(_SAMPLED, {**export, **_SAMPLING})]
        with cloud.cosmos() as store:
            known = {**cloud.environment(store.url), **_http_alone()}
            cloud.provision(known)
            for _ in range(_HOSTS):
                await _measure(sides, known, scale.rounds // _HOSTS)
    waited = Timings({side.name: side.medians for side in sides})
    return [_exported_table(scale, sides, waited), _off_table(scale, waited.median(_OFF))]


async def _measure(sides: Sequence[_Side], known: Mapping[str, str], rounds: int) -> None:
    """Lets a new host of each side take turns with the others."""
    async with AsyncExitStack() as stack:
        data = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        turns = {}
        for side in sides:
            options = ("--port", "0", "--app", str(cloud.ROOT), "--data", str(data / side.name), "--instances", "1")
            environment = cloud.environment_of({**known, **side.settings})
            functions = stack.enter_context(processes.service("emulators.functions", *options, environment=environment))
            (host,) = children(functions.pid)
            api = await stack.enter_async_context(clients.api_of(functions.url))
            turns[side.name] = partial(side.turn, host, api)
        await interleaved_async(turns, rounds)


def _http_alone() -> Mapping[str, str]:
    """What is appended is followed by nothing: the consumers of three hosts would share the leases."""
    triggers = {each.get_function_name(): each.get_trigger() for each in function_app.app.get_functions()}
    others = [name for name, trigger in triggers.items() if trigger is None or trigger.type != "httpTrigger"]
    return {f"AzureWebJobs.{name}.Disabled": "1" for name in others}


@asynccontextmanager
async def _collector() -> AsyncIterator[str]:
    """Takes whatever is sent, and looks at none of it."""

    async def take(request: web.BaseRequest) -> web.StreamResponse:
        await request.read()
        return web.json_response({})

    runner = web.ServerRunner(web.Server(take, access_log=None), shutdown_timeout=1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


def _exported_table(scale: Scale, sides: Sequence[_Side], waited: Timings) -> Table:
    off = sides[0]

    def row(side: _Side) -> Sequence[Cell]:
        return [
            side.name,
            waited.median(side.name) * 1e3,
            waited.ratio(side.name, _OFF),
            percentile(side.seconds, 99) * 1e3,
            statistics.mean(side.processor) * 1e3,
            sum(side.processor) / sum(off.processor),
        ]

    return Table(
        "A warm command over HTTP with telemetry",
        f"""
        `POST /stock/{{sku}}/receipts` to {_STREAMS} warm streams by one client without a pause, {_COMMANDS} commands a
        turn, {scale.rounds} rounds, in turns, with {_HOSTS} Functions hosts of each side, one after the other, which
        serve HTTP alone: without telemetry; with three spans and seven metrics a command, exported by OTLP to a server
        that looks at nothing; and with one trace in a hundred kept. The median and the 99th percentile are what the
        client waits; the processor is what the host takes, with all that its threads do later.
        """,
        ["", "ms, median", "over off", "ms, p99", "processor, ms per command", "over off"],
        [row(side) for side in sides],
        [
            Goal("every trace over off", 1.1, waited.ratio(_ON, _OFF)),
            Goal("one trace in a hundred over off", 1.05, waited.ratio(_SAMPLED, _OFF)),
        ],
    )


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
