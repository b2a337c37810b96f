"""Part 7b: from an order to the page of the dashboard that shows it, and fifty pages that look at a flash sale."""

import asyncio
import contextlib
import itertools
import json
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import aiohttp
from playwright.async_api import Page, expect

from bench import browser, clients, cloud
from bench.clients import Api
from emulators.bench.machine import children, facts, processor_seconds
from emulators.bench.measure import percentile
from emulators.bench.report import Cell, Goal, Table
from emulators.bench.scale import FULL, Scale, progress

HOSTS: Final = 2
_PAGES: Final = 50
_CURRENCY: Final = "NOK"
"""Nothing else is sold in it, and the page shows it: each order that counts here is one of ours."""

_APART: Final = 0.8
_SEEN_WITHIN: Final = 60.0
_HALF_LOAD: Final = 17.0
"""Other orders per second that take about half of two cores; each goes through the process until it is out of stock."""

MOST_P50: Final = 1.0
MOST_P99: Final = 2.0

# Calls `shown` with the number of orders whenever the page changes it.
_WATCH: Final = """() => {
  const placed = document.querySelector("#totals [data-series=placed] dd");
  const tell = () => shown(placed.textContent);
  new MutationObserver(tell).observe(placed, { childList: true, characterData: true, subtree: true });
  tell();
}"""


@dataclass(slots=True)
class Sightings:
    """When each order was sent, and when the page counted so many."""

    sent: list[float] = field(default_factory=list)
    seen: list[float] = field(default_factory=list)
    _more: asyncio.Event = field(default_factory=asyncio.Event)

    def count(self, orders: int, at: float) -> None:
        """The page shows so many; those that it did not show before have been seen now."""
        self.seen += [at] * (orders - len(self.seen))
        self._more.set()

    async def until(self, orders: int) -> None:
        """Returns once so many were seen. Raises TimeoutError."""
        async with asyncio.timeout(_SEEN_WITHIN):
            while len(self.seen) < orders:
                self._more.clear()
                await self._more.wait()

    def seconds(self, since: int) -> Sequence[float]:
        """From before an order was sent until the page showed it, of those that were sent after the first so many."""
        return [seen - sent for sent, seen in zip(self.sent[since:], self.seen[since:], strict=True)]


@dataclass(frozen=True, slots=True)
class _Situation:
    """What was measured while something else happened: `others` orders a second.

    `busy` is what all of it has taken of the processors, in percent of them.
    """

    name: str
    others: float
    busy: float
    seconds: Sequence[float]


@dataclass(slots=True)
class _Looks:
    """What the fifty pages were answered."""

    seconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    charge: float = 0.0


async def run(scale: Scale) -> Sequence[Table]:
    seconds, units, orders = (60.0, 100, 1_000) if scale == FULL else (8.0, 10, 100)
    with tempfile.TemporaryDirectory(prefix="bench-") as data, cloud.stack(Path(data), HOSTS) as stack:
        async with clients.api_of(stack.functions.url) as api, _page(stack, api) as sightings:
            idle = await _measured(api, sightings, "nothing else", seconds, _nothing)
            half = await _measured(api, sightings, "other orders", seconds, lambda: _others(api, seconds))
            looks = _Looks()

            async def sale() -> float:
                async with _looking(stack, looks):
                    return await _sale(stack, units, orders)

            rush = await _measured(api, sightings, f"a flash sale, {_PAGES} more pages", None, sale)
    return [_latency([idle, half, rush]), _pages(looks, units, orders)]


@asynccontextmanager
async def _page(stack: cloud.Stack, api: Api) -> AsyncIterator[Sightings]:
    """A page that shows the live view, and what it shows of the orders in the currency of this bench."""
    sightings = Sightings()
    async with browser.started() as chromium:
        page = await chromium.new_page(locale="en-GB")
        await page.expose_function(
            "shown", lambda text: sightings.count(int(text.replace(",", "")), time.perf_counter())
        )
        await page.goto(f"{stack.api}/dashboard#live")
        await _place(api, sightings, 0)
        await _choose_currency(page)
        await page.evaluate(_WATCH)
        await sightings.until(1)
        yield sightings


async def _choose_currency(page: Page) -> None:
    choice = page.get_by_label("Currency")
    await expect(choice.locator(f"option[value={_CURRENCY}]")).to_be_attached(timeout=_SEEN_WITHIN * 1e3)
    await choice.select_option(_CURRENCY)


async def _place(api: Api, sightings: Sightings, client: int) -> None:
    sightings.sent.append(time.perf_counter())
    status, _ = await api.place_order(client, currency=_CURRENCY)
    if status != 201:
        raise AssertionError(f"an order was answered {status}")


async def _measured(
    api: Api, sightings: Sightings, name: str, seconds: float | None, beside: Callable[[], Awaitable[float]]
) -> _Situation:
    """Places orders one by one for so long, or for as long as `beside` takes; that gives its orders a second."""
    progress(f"from an order to the page, beside {name}")
    before, chance = len(sightings.sent), random.Random(7)
    spent = _spent()
    async with asyncio.TaskGroup() as group:
        other = group.create_task(_awaited(beside))
        begun = time.perf_counter()
        for client in itertools.count():
            # Apart from the polls of the page and of the feed.
            await asyncio.sleep(chance.uniform(0, 2 * _APART))
            if time.perf_counter() > begun + seconds if seconds is not None else other.done():
                break
            await _place(api, sightings, client)
    share = (_spent() - spent) / (time.perf_counter() - begun) / int(facts()["cores"]) * 100
    await sightings.until(len(sightings.sent))
    return _Situation(name, other.result(), share, sightings.seconds(before))


async def _awaited(beside: Callable[[], Awaitable[float]]) -> float:
    return await beside()


async def _nothing() -> float:
    return 0.0


async def _others(api: Api, seconds: float) -> float:
    """Orders at a steady rate, of something that nobody has: each is placed, refused by its stock, and cancelled."""
    chance, placed = random.Random(11), 0
    begun = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        while time.perf_counter() < begun + seconds:
            group.create_task(api.place_order(placed, sku="rare"))
            placed += 1
            await asyncio.sleep(chance.uniform(0, 2 / _HALF_LOAD))
    return placed / (time.perf_counter() - begun)


async def _sale(stack: cloud.Stack, units: int, orders: int) -> float:
    """The flash sale of `operate demo flash-sale`; orders per second."""
    arguments = ("--url", stack.api, "--json", "--units", str(units), "--orders", str(orders), "--clients", "32")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "operate", "demo", "flash-sale", *arguments),
        cwd=cloud.ROOT,
        env=cloud.environment_of(stack.known),
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    if process.returncode != 0:
        raise AssertionError(f"the flash sale ended with status {process.returncode}")
    return float(json.loads(out)["orders_per_second"])


@asynccontextmanager
async def _looking(stack: cloud.Stack, looks: _Looks) -> AsyncIterator[None]:
    """As many pages as `_PAGES` look for the length of a block, each once a second, as the page asks."""
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30), connector=connector) as session:
        pages = [asyncio.create_task(_look_on(session, stack, looks, number)) for number in range(_PAGES)]
        try:
            yield
        finally:
            for page in pages:
                page.cancel()
            for page in pages:
                with contextlib.suppress(asyncio.CancelledError):
                    await page


async def _look_on(session: aiohttp.ClientSession, stack: cloud.Stack, looks: _Looks, number: int) -> None:
    headers: dict[str, str] = {}
    await asyncio.sleep(number / _PAGES)
    while True:
        since = time.perf_counter()
        async with session.get(f"{stack.api}/dashboard/data/overview", headers=headers) as answer:
            await answer.read()
            if answer.status == 200:
                headers = {"If-None-Match": answer.headers["ETag"]}
            looks.charge += float(answer.headers.get("x-request-charge", 0))
        looks.statuses[answer.status] += 1
        looks.seconds.append(time.perf_counter() - since)
        await asyncio.sleep(1.0)


def _spent() -> float:
    """Processor seconds so far of this process and of all that it has started: hosts, stores, browser and clients."""
    times = os.times()
    spent = times.user + times.system + times.children_user + times.children_system
    for pid in _descendants(os.getpid()):
        # It may have ended since it was found.
        with contextlib.suppress(OSError):
            spent += processor_seconds(pid)
    return spent


def _descendants(pid: int) -> Iterator[int]:
    found: list[int] = []
    with contextlib.suppress(OSError):
        found = children(pid)
    for child in found:
        yield child
        yield from _descendants(child)


def _latency(situations: Sequence[_Situation]) -> Table:
    rows: list[Sequence[Cell]] = [
        [each.name, each.others, each.busy, len(each.seconds), *(percentile(each.seconds, at) for at in (50, 99))]
        for each in situations
    ]
    p50, p99 = (float(cell or 0) for cell in rows[1][-2:])
    return Table(
        "From an order to the page",
        f"""
        From before `POST /orders` was sent until the live view in Chromium shows one order more; one order each
        {_APART} s on average, beside what the first column says. The page asks once a second, so half a second is
        the least that the median can be. Other orders are placed, found out of stock, and cancelled.
        {HOSTS} hosts, Cosmos DB, Service Bus, the browser and the clients share {facts()["cores"]} cores; the third
        column is what they have taken of them.
        """,
        ["beside", "other orders per second", "of the processors, %", "orders", "p50, s", "p99, s"],
        rows,
        [
            Goal("an order to the page, the machine half busy, p50, s", MOST_P50, p50),
            Goal("an order to the page, the machine half busy, p99, s", MOST_P99, p99),
        ],
    )


def _pages(looks: _Looks, units: int, orders: int) -> Table:
    answered = sum(looks.statuses.values())
    good = looks.statuses[200] + looks.statuses[304]
    return Table(
        f"{_PAGES} pages during a flash sale",
        f"""
        A flash sale of {orders:,} orders for {units} units while {_PAGES} clients ask for `overview` as pages do: a
        second after the last answer, with the `ETag` that they have. They share what a host reads, once a second.
        """,
        ["", "measured"],
        [
            ["answers", answered],
            ["of them unchanged (304)", looks.statuses[304]],
            ["errors", answered - good],
            ["answer p50, ms", percentile(looks.seconds, 50) * 1e3],
            ["answer p99, ms", percentile(looks.seconds, 99) * 1e3],
            ["RU of all of them (modelled)", looks.charge],
            ["RU per answer (modelled)", looks.charge / answered],
        ],
        [Goal(f"{_PAGES} pages during a flash sale, errors", 0.0, float(answered - good))],
    )
