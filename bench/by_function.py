"""Part 8b: what each function asks of Cosmos DB on the way of an order, as the service itself measures it."""

import asyncio
import json
import tempfile
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from bench import cloud
from bench.orders import warm
from emulators.bench import processes
from emulators.bench.report import Cell, Table
from emulators.bench.scale import FULL, Scale
from engine.telemetry.instruments import REQUEST_CHARGE

_EXPORTED_EVERY: Final = 0.5
_SETTLED_AFTER: Final = 4 * _EXPORTED_EVERY


async def run(scale: Scale) -> Sequence[Table]:
    number = 60 if scale == FULL else 6
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as data,
        processes.service("emulators.traces", "--port", "0") as receiver,
        cloud.stack(Path(data), 1, telemetry=_exported_to(receiver.url)) as stack,
    ):
        async with warm(stack) as ways:
            spent = []
            for fate in ("shipped", "refused"):
                before = await _charged(receiver.url)
                await ways(fate, number)
                after = await _charged(receiver.url)
                spent.append({work: _less(each, before.get(work, (0, 0.0))) for work, each in after.items()})
    return [_table(number, *spent)]


def _exported_to(url: str) -> Mapping[str, str]:
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": url,
        "OTEL_METRIC_EXPORT_INTERVAL": str(int(_EXPORTED_EVERY * 1000)),
        "OTEL_TRACES_SAMPLER": "always_off",
    }


async def _charged(url: str) -> Mapping[str, tuple[int, float]]:
    """Requests and RU so far, by the work that they were made for, once what was measured has been exported."""
    await asyncio.sleep(_SETTLED_AFTER)
    series = await asyncio.to_thread(_series, url)
    found: dict[str, tuple[int, float]] = {}
    for each in series:
        if each["name"] == REQUEST_CHARGE.name:
            work = each["attributes"]["work"]
            count, charge = found.get(work, (0, 0.0))
            found[work] = count + each["count"], charge + each["sum"]
    return found


def _series(url: str) -> Sequence[Mapping[str, Any]]:
    with urllib.request.urlopen(f"{url}/metrics") as response:  # noqa: S310 - loopback
        found: Sequence[Mapping[str, Any]] = json.load(response)["metrics"]
    return found


def _less(spent: tuple[int, float], before: tuple[int, float]) -> tuple[int, float]:
    return spent[0] - before[0], spent[1] - before[1]


def _table(number: int, shipped: Mapping[str, tuple[int, float]], refused: Mapping[str, tuple[int, float]]) -> Table:
    by_cost = sorted(shipped.keys() | refused.keys(), key=lambda work: -shipped.get(work, (0, 0.0))[1])
    rows: list[Sequence[Cell]] = []
    for work in by_cost:
        ways_of = [each.get(work, (0, 0.0)) for each in (shipped, refused)]
        if any(count for count, _ in ways_of):
            rows.append([work, *(value / number for each in ways_of for value in each)])
    return Table(
        "What an order costs, by what it is spent on",
        f"""
        {number} orders as above, and as many that are cancelled, measured by the service itself
        (azure.cosmosdb.client.operation.request_charge): each request by the command, consumer or route that it was
        made for. The payment provider and the warehouse of this bench ask by HTTP as soon as they are asked.
        """,
        ["per order", "requests, shipped", "RU, shipped", "requests, out of stock", "RU, out of stock"],
        rows,
    )
