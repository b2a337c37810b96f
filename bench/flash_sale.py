"""Part 7: the flash sale of `operate demo flash-sale`, with two hosts: every run judged by all of its streams."""

import json
import os
import statistics
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from bench import cloud
from emulators.bench.machine import children, facts, processor_seconds
from emulators.bench.report import Cell, Goal, Table
from emulators.bench.scale import FULL, Scale, progress

HOSTS: Final = 2
_CLIENTS: Final = 32
_FIGURES: Final[Mapping[str, str]] = {
    "confirmed": "confirmed",
    "cancelled": "cancelled, out of stock",
    "placed_after": "all placed after, s",
    "decided_after": "all decided after, s",
    "orders_per_second": "orders per second",
    "answer_p50_ms": "answer p50, ms",
    "answer_p99_ms": "answer p99, ms",
    "retries": "requests sent again",
    "conflicts": "conflicts",
    "ru_per_order": "RU per order (modelled)",
    "usd_per_1000_orders": "USD per 1,000 orders (modelled)",
    "idle_ru_per_second": "polling and leases, RU/s (modelled)",
}
_DECIDED_AFTER: Final = [*_FIGURES].index("decided_after")

MOST_SECONDS: Final = 25.0
"""So long after its beginning, the last of a thousand orders is decided."""


def run(scale: Scale) -> Sequence[Table]:
    runs, units, orders = (5, 100, 1_000) if scale == FULL else (1, 10, 100)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, cloud.stack(Path(folder), HOSTS) as stack:
        progress(f"flash sales: {runs} of {orders:,} orders")
        before = _spent(stack)
        told = cloud.run_python(
            *("-m", "operate", "demo", "flash-sale", "--url", stack.api, "--json"),
            *("--units", str(units), "--orders", str(orders), "--clients", str(_CLIENTS), "--runs", str(runs)),
            known=stack.known,
        )
        processor = {name: after - before[name] for name, after in _spent(stack).items()}
    summaries: list[Mapping[str, Any]] = [json.loads(line) for line in told.splitlines()]
    rows: list[Sequence[Cell]] = [
        [title, *(each[name] for each in summaries), statistics.median(float(each[name]) for each in summaries)]
        for name, title in _FIGURES.items()
    ]
    return [
        Table(
            "A flash sale",
            f"""
            {orders:,} orders of one unit of a sku that has {units}, placed through HTTP by {_CLIENTS} clients at a
            time, paid through the webhook by one payer, who follows the feed of the events. After each run every
            stream is read: as many confirmed as there were units, the rest cancelled as out of stock, nothing
            oversold, no process unfinished. {HOSTS} hosts; they, Cosmos DB, Service Bus, clients and payer share
            {facts()["cores"]} cores. A conflict is an append that another writer had won.
            """,
            ["", *(f"run {number}" for number in range(1, runs + 1)), "median"],
            rows,
            [Goal("flash sale, all decided after, s", MOST_SECONDS, float(rows[_DECIDED_AFTER][-1] or 0))],
        ),
        Table(
            "Processor time of a flash sale",
            """
            The same sales: processor time per order, polls of the feed included. The clients are those of
            `operate demo flash-sale` and its reading of every stream afterwards.
            """,
            ["", "ms per order"],
            [
                [name, seconds / runs / orders * 1e3]
                for name, seconds in {**processor, "together": sum(processor.values())}.items()
            ],
        ),
    ]


def _spent(stack: cloud.Stack) -> Mapping[str, float]:
    """Processor seconds so far, by process; the clients are the children that have ended."""
    ended = os.times()
    hosts = [stack.functions.pid, *children(stack.functions.pid)]
    return {
        "Cosmos DB": processor_seconds(stack.cosmos.pid),
        "Service Bus": processor_seconds(stack.bus.pid),
        "Functions hosts": sum(processor_seconds(pid) for pid in hosts),
        "clients": ended.children_user + ended.children_system,
    }
