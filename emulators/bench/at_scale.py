"""The local Cosmos DB with a million events: how long its pages take, and what it holds in memory."""

import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from azure.cosmos.aio import ContainerProxy

from emulators.bench import events, processes
from emulators.bench.events import item_id, new_id, stock_received, stock_stream
from emulators.bench.machine import resident_bytes
from emulators.bench.probes.filled_store import EVENTS_PER_STREAM, stream_id
from emulators.bench.report import Table
from emulators.bench.scale import Scale, progress
from emulators.cosmos.pages import MAX_SCANNED

_PAGE: Final = 100
_MIB: Final = 2**20
_FEW: Final = 100


@dataclass(frozen=True, slots=True)
class Caller:
    events: ContainerProxy
    count: int

    async def read(self, number: int) -> None:
        await self.events.read_item(item_id(EVENTS_PER_STREAM // 2), self._stream(number))

    async def stream(self, number: int) -> None:
        await self._all(self.events.query_items("SELECT * FROM c WHERE c.id > '0'", partition_key=self._stream(number)))

    async def newest(self, number: int) -> None:
        query = "SELECT TOP 10 * FROM c ORDER BY c.id DESC"
        await self._all(self.events.query_items(query, partition_key=self._stream(number)))

    async def create(self, _number: int) -> None:
        await self.events.create_item(stock_received(stock_stream(new_id()), 1))

    async def feed(self, _number: int) -> None:
        await self._page(self.events.query_items_change_feed(start_time="Beginning", max_item_count=_PAGE))

    async def feed_from_the_middle(self, _number: int) -> None:
        middle = datetime.now(UTC) - timedelta(seconds=self.count / 2)
        await self._page(self.events.query_items_change_feed(start_time=middle, max_item_count=_PAGE))

    async def feed_of_a_stream(self, number: int) -> None:
        feed = self.events.query_items_change_feed(start_time="Beginning", partition_key=self._stream(number))
        await self._all(feed)

    async def poll(self, _number: int) -> None:
        await self._all(self.events.query_items_change_feed(start_time="Now"))

    async def page(self, _number: int) -> None:
        await self._page(self.events.query_items("SELECT * FROM c", max_item_count=_PAGE))

    async def rare(self, _number: int) -> None:
        await self._page(self.events.query_items("SELECT * FROM c WHERE c.type = 'None'", max_item_count=_PAGE))

    async def how_many(self, _number: int) -> None:
        await self._all(self.events.query_items("SELECT VALUE COUNT(1) FROM c"))

    async def aggregate(self, _number: int) -> None:
        await self._all(self.events.query_items("SELECT VALUE MAX(c.version) FROM c"))

    async def ordered(self, _number: int) -> None:
        await self._page(self.events.query_items("SELECT * FROM c ORDER BY c._ts DESC", max_item_count=_PAGE))

    def _stream(self, number: int) -> str:
        return stream_id(number * 7919 % (self.count // EVENTS_PER_STREAM))

    async def _all(self, items: Any) -> None:
        async for _ in items:
            pass

    async def _page(self, items: Any) -> None:
        async for page in items.by_page():
            await self._all(page)
            return


_CALLS: Final[Mapping[str, tuple[Callable[[Caller, int], Awaitable[None]], int]]] = {
    "point read": (Caller.read, 30),
    f"query of a stream of {EVENTS_PER_STREAM} events": (Caller.stream, 30),
    "its 10 newest events": (Caller.newest, 30),
    "create": (Caller.create, 30),
    "feed page, from the beginning": (Caller.feed, 9),
    "feed page, from a time in the middle": (Caller.feed_from_the_middle, 5),
    "feed of one stream": (Caller.feed_of_a_stream, 9),
    "feed poll that finds nothing": (Caller.poll, 30),
    "query page, across streams": (Caller.page, 9),
    "count of all items": (Caller.how_many, 5),
    "query whose filter finds nothing": (Caller.rare, 1),
    "maximum over all items": (Caller.aggregate, 1),
    "first page of all items, ordered": (Caller.ordered, 1),
}


async def run(scale: Scale) -> Sequence[Table]:
    many = scale.many * 10
    few = max(_FEW * EVENTS_PER_STREAM, many // 100)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        small, _ = await _measured(Path(folder) / "few", few)
        large, memory = await _measured(Path(folder) / "many", many)
    return [
        Table(
            f"The local Cosmos DB with {many:,} events",
            f"""
            Calls of the SDK, one at a time, medians, on a server on disk with {few:,} and with {many:,} events of
            0.6 KB in streams of {EVENTS_PER_STREAM}, written past its HTTP beforehand. Pages are of {_PAGE} items. The
            last three read all items there are: the first of them in pages of at most {MAX_SCANNED:,} items, each a
            request that the SDK goes on from by itself, the others for one answer, and others are served meanwhile.
            """,
            ["ms a call", f"{few:,} events", f"{many:,} events"],
            [[title, small[title], large[title]] for title in _CALLS],
        ),
        Table(
            f"Its memory with {many:,} events",
            "Resident memory (RSS) of the server's process: when it has opened its data, and after all of the calls.",
            ["", "MiB"],
            [[moment, mib] for moment, mib in memory.items()],
        ),
    ]


async def _measured(folder: Path, count: int) -> tuple[Mapping[str, float], Mapping[str, float]]:
    progress(f"a store of {count:,} events")
    with processes.cosmos(folder) as service:
        await events.provision(service.url)
    processes.run_python("-m", "emulators.bench.probes.filled_store", str(folder), str(count))
    with processes.cosmos(folder) as service:
        opened = resident_bytes(service.pid) / _MIB
        taken = {}
        async with events.opened(service.url) as container:
            caller = Caller(container, count)
            await caller.read(0)
            for title, (call, times) in _CALLS.items():
                progress(title)
                taken[title] = statistics.median([await _time(call, caller, number) for number in range(times)]) * 1e3
        memory = {"opened": opened, "after all calls": resident_bytes(service.pid) / _MIB}
    return taken, memory


async def _time(call: Callable[[Caller, int], Awaitable[None]], caller: Caller, number: int) -> float:
    begun = time.perf_counter()
    await call(caller, number)
    return time.perf_counter() - begun
