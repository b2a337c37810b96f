"""Part 8: what an order costs on its way: requests, RU, processor time, and how soon its customer is asked to pay."""

import asyncio
import contextlib
import json
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

from azure.cosmos.aio import ContainerProxy

import function_app
from bench import clients, cloud
from bench.clients import Api
from bench.feed import changes
from emulators.bench.machine import children, facts, processor_seconds
from emulators.bench.measure import percentile
from emulators.bench.report import Cell, Goal, Table
from emulators.bench.scale import FULL, Scale, progress
from engine.storing.containers import EVENTS
from engine.storing.cosmos_account import open_client
from engine.storing.events import time_from_rest

_WITHIN: Final = 120.0
_APART: Final = 0.5
"""Seconds between two orders: light load, two orders a second."""

_LOOK_EVERY: Final = 0.02

_POLLS: Final = frozenset({"leases"})
_POLLED: Final = frozenset({"feed"})

MOST_REQUESTS: Final = 30.0
MOST_RU: Final = 175.0
MOST_SECONDS_P50: Final = 0.4
MOST_SECONDS_P99: Final = 1.0


@dataclass(slots=True)
class Log:
    """Follows the change feed of the events, and does what the payment provider and the warehouse would do.

    `times` holds when each event of an order happened, by its type.
    """

    events: ContainerProxy
    api: Api
    times: dict[str, dict[str, float]] = field(default_factory=dict)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def until(self, orders: Sequence[str], last: Callable[[Mapping[str, float]], bool]) -> None:
        """Returns when `last` is true of the events of each order. Raises TimeoutError."""
        async with asyncio.timeout(_WITHIN):
            while not all(last(self.times.get(order, {})) for order in orders):
                self._changed.clear()
                await self._changed.wait()

    async def follow(self) -> None:
        async for found in changes(self.events, _LOOK_EVERY):
            for item in found:
                await self._happened(item)
            self._changed.set()

    async def _happened(self, item: Mapping[str, Any]) -> None:
        order = item["data"].get("orderId")
        if order is None:
            return
        happened = time_from_rest(item["metadata"]["occurredAt"]).timestamp()
        self.times.setdefault(order, {})[item["type"]] = happened
        if item["type"] == "PaymentRequested":
            await self.api.pay(order)
        if item["type"] == "OrderConfirmed":
            await self.api.ship(order)


@asynccontextmanager
async def _following(events: ContainerProxy, api: Api) -> AsyncIterator[Log]:
    """Yields a log that follows the feed, and pays and ships meanwhile."""
    log = Log(events, api)
    task = asyncio.create_task(log.follow())
    try:
        yield log
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def run(scale: Scale) -> Sequence[Table]:
    number = 60 if scale == FULL else 6
    with tempfile.TemporaryDirectory(prefix="bench-") as data, cloud.stack(Path(data), 1) as stack:
        async with warm(stack) as ways:
            shipped, refused = await ways("shipped", number), await ways("refused", number)
        idle = await _idle(stack, scale.seconds * 2)
    return [_costs(shipped, refused), _requests(shipped, refused), _moment(shipped), idle]


@asynccontextmanager
async def warm(stack: cloud.Stack) -> "AsyncIterator[Callable[[str, int], Awaitable[_Cost]]]":
    """Yields what places so many orders of one fate, `_ways`, on a stack that has seen some of them."""
    known = cloud.settings(stack.cosmos.url)
    async with open_client(known.engine.cosmos) as client, clients.api_of(stack.functions.url) as api:
        events = client.get_database_client(known.engine.cosmos_database).get_container_client(EVENTS.name)
        async with _following(events, api) as log:
            await api.receive_stock(0, "mug", 10_000)
            ways = partial(_ways, stack, api, log)
            await ways("warm-up", 3)
            yield ways


@dataclass(frozen=True, slots=True)
class _Cost:
    """What `orders` orders of one fate have cost together."""

    orders: int
    requests: Counter[str]
    ru: float
    processor: Mapping[str, float]
    asked: Sequence[float]


async def _ways(stack: cloud.Stack, api: Api, log: Log, fate: str, number: int) -> _Cost:
    """Places so many orders of one fate, and returns what they have cost once they have gone their way."""
    progress(f"orders: {number} {fate}")
    pids = {"Cosmos DB": [stack.cosmos.pid], "Service Bus": [stack.bus.pid],
            "Functions host": [stack.functions.pid, *children(stack.functions.pid)]}  # fmt: skip
    before, spent = _totals(stack), _spent(pids)
    placed: list[str] = []
    for order in range(number):
        begun = time.perf_counter()
        status, order_id = await api.place_order(0, sku="none" if fate == "refused" else "mug", quantity=1)
        if status != 201:
            raise AssertionError(f"order {order} was answered {status}")
        placed.append(order_id)
        await asyncio.sleep(max(0.0, begun + _APART - time.perf_counter()))
    last = "CancellationFollowed" if fate == "refused" else "DispatchCompleted"
    await log.until(placed, lambda happened: last in happened)
    requests, ru = _between(before, _totals(stack))
    times = [log.times[order] for order in placed]
    asked = [each["PaymentRequested"] - each["OrderPlaced"] for each in times if "PaymentRequested" in each]
    processor = {name: after - spent[name] for name, after in _spent(pids).items()}
    return _Cost(number, requests, ru, processor, asked)


def _spent(pids: Mapping[str, Sequence[int]]) -> Mapping[str, float]:
    return {name: sum(processor_seconds(pid) for pid in each) for name, each in pids.items()}


async def _idle(stack: cloud.Stack, seconds: float) -> Table:
    """Nothing happens meanwhile."""
    progress(f"idle for {seconds:g} s")
    before = _totals(stack, polls=True)
    await asyncio.sleep(seconds)
    after, an_hour = _totals(stack, polls=True), 3_600 / seconds
    spent = {
        what: (count - before.get(what, (0, 0.0))[0], charge - before.get(what, (0, 0.0))[1])
        for what, (count, charge) in after.items()
    }
    rows: list[Sequence[Cell]] = [
        [what, count * an_hour, charge * an_hour] for what, (count, charge) in sorted(spent.items()) if count
    ]
    rows.append(["together", *(sum(each[column] for each in spent.values()) * an_hour for column in (0, 1))])
    return Table(
        "What an idle hour costs",
        f"""
        The same stack when nothing happens, for {seconds:g} s, multiplied up to an hour. One host with all functions:
        each view polls the feed of its one partition every {function_app.VIEW_POLL_MS} ms, the relay every
        {function_app.RELAY_POLL_MS} ms; each has its leases.
        """,
        ["container: request", "requests per hour", "RU per hour (modelled)"],
        rows,
    )


def _totals(stack: cloud.Stack, *, polls: bool = False) -> Mapping[str, tuple[int, float]]:
    """Requests and RU by what was asked for; without polls and leases, which cost the same without any order."""
    with urllib.request.urlopen(f"{stack.cosmos.url}/_devstack/requests/totals") as response:  # noqa: S310 - loopback
        totals = json.load(response)
    found: dict[str, tuple[int, float]] = {}
    for each in totals:
        if not polls and (each["container"] in _POLLS or each["kind"] in _POLLED):
            continue
        what = f"{each['container']}: {each['kind']}"
        count, charge = found.get(what, (0, 0.0))
        found[what] = count + each["count"], charge + each["charge"]
    return found


def _between(
    before: Mapping[str, tuple[int, float]], after: Mapping[str, tuple[int, float]]
) -> tuple[Counter[str], float]:
    requests = Counter({what: count - before.get(what, (0, 0.0))[0] for what, (count, _) in after.items()})
    ru = sum(charge - before.get(what, (0, 0.0))[1] for what, (_, charge) in after.items())
    return +requests, ru


def _costs(shipped: _Cost, refused: _Cost) -> Table:
    rows: list[Sequence[Cell]] = [
        ["requests to Cosmos DB", *(sum(each.requests.values()) / each.orders for each in (shipped, refused))],
        ["RU (modelled)", *(each.ru / each.orders for each in (shipped, refused))],
    ]
    rows += [
        [f"processor of {name}, ms", *(each.processor[name] / each.orders * 1e3 for each in (shipped, refused))]
        for name in shipped.processor
    ]
    return Table(
        "What an order costs",
        f"""
        {shipped.orders} orders of one line, one each {_APART} s, placed over HTTP, paid and shipped as soon as that is
        asked for, until their stock is dispatched; and as many that are cancelled as out of stock. One host.
        Leases and polls of the feed are left out of the requests and of the RU: they cost the same without an order;
        the processor times include them, and {facts()["cores"]} cores serve all.
        """,
        ["per order", "shipped", "out of stock"],
        rows,
        [
            Goal("requests per shipped order", MOST_REQUESTS, sum(shipped.requests.values()) / shipped.orders),
            Goal("RU per shipped order (modelled)", MOST_RU, shipped.ru / shipped.orders),
        ],
    )


def _requests(shipped: _Cost, refused: _Cost) -> Table:
    whats = sorted({*shipped.requests, *refused.requests})
    return Table(
        "Requests of an order",
        "The same orders: which container was asked for what, on average per order.",
        ["container: request", "shipped", "out of stock"],
        [[what, *(each.requests[what] / each.orders for each in (shipped, refused))] for what in whats],
    )


def _moment(shipped: _Cost) -> Table:
    p50, p99 = (percentile(shipped.asked, share) for share in (50, 99))
    return Table(
        "From placed to asked to pay",
        "The same orders: from `OrderPlaced` to `PaymentRequested`, by the times of the events.",
        ["orders", "p50, s", "p99, s"],
        [[shipped.orders, p50, p99]],
        [
            Goal("placed to asked to pay, p50, s", MOST_SECONDS_P50, p50),
            Goal("placed to asked to pay, p99, s", MOST_SECONDS_P99, p99),
        ],
    )
