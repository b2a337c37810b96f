"""The local Cosmos DB itself: its requests per second, and how much of each is the client's own work."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, Final

from azure.cosmos.aio import ContainerProxy

from emulators.bench import events, processes
from emulators.bench.events import item_id, new_id, order_confirmed, order_placed, order_stream
from emulators.bench.machine import processor_seconds
from emulators.bench.measure import interleaved_async
from emulators.bench.processes import Conversation, Service
from emulators.bench.report import Cell, Table
from emulators.bench.scale import Scale, progress

_CALLS: Final = 48
AT_ONCE: Final = 16
_PAGE: Final = 100
_PROCESSES: Final = (1, 2, 4)
_ALONE: Final = "one at a time"
_TOGETHER: Final = f"{AT_ONCE} at a time"


@dataclass(slots=True)
class Caller:
    """The SDK's calls on one server: the local Cosmos DB, or one that has its answers ready."""

    events: ContainerProxy
    placed: list[str]
    continuation: str = ""

    async def drain(self) -> None:
        """Goes to the end of the feed, where a poll finds nothing."""
        async for _ in self.events.query_items_change_feed(start_time="Beginning", response_hook=self._keep):
            pass

    async def read(self, number: int) -> None:
        await self.events.read_item(item_id(1), order_stream(self.placed[number]))

    async def create(self, _number: int) -> None:
        await self.events.create_item(order_placed(new_id()))

    async def batch(self, _number: int) -> None:
        order_id = new_id()
        await self.events.execute_item_batch(
            [
                ("create", (order_placed(order_id),)),
                ("create", (order_confirmed(order_id),)),
            ],
            order_stream(order_id),
        )

    async def query(self, number: int) -> None:
        stream_id = order_stream(self.placed[number])
        query = "SELECT * FROM c WHERE c.id > @after"
        parameters: list[dict[str, Any]] = [{"name": "@after", "value": item_id(0)}]
        async for _ in self.events.query_items(query, parameters=parameters, partition_key=stream_id):
            pass

    async def poll(self, _number: int) -> None:
        async for _ in self.events.query_items_change_feed(continuation=self.continuation):
            pass

    async def page(self, _number: int) -> None:
        pages = self.events.query_items_change_feed(start_time="Beginning", max_item_count=_PAGE).by_page()
        async for page in pages:
            async for _ in page:
                pass
            break

    def _keep(self, headers: Mapping[str, str], _: Any) -> None:
        self.continuation = headers.get("etag", self.continuation)


async def run(scale: Scale) -> Sequence[Table]:
    order_ids = [new_id() for _ in range(_CALLS)]
    with processes.cosmos() as service, processes.canned(service.url) as stand_in:
        await events.provision(service.url)
        async with _callers(service, stand_in, order_ids) as (real, canned):
            for order_id in order_ids:
                await real.events.create_item(order_placed(order_id))
            rows = [await _compared(scale, title, real, canned) for title in CALLS_OF]
        seconds = scale.seconds / 8
        several = [row for count in _PROCESSES for row in _shared(seconds, service, stand_in, order_ids, count)]
    return [
        Table(
            "The local Cosmos DB under the SDK",
            f"""
            Calls of the SDK ({_CALLS} a round, {scale.rounds} rounds, in turns), one at a time and {AT_ONCE} at a time
            from one process, on items of 0.8 KB, without other load. Two servers in processes of their own: the local
            Cosmos DB in memory, and one that sends back recorded bytes, so that what is left is the client's work.
            """,
            [
                "",
                "ms a call",
                "of it the client",
                "left for the server",
                f"calls per second, {_ALONE}",
                f"{_TOGETHER}",
                f"{_TOGETHER}, client alone",
            ],
            rows,
        ),
        Table(
            "Several client processes on its cores",
            f"""
            The same calls from several processes with {AT_ONCE} clients each, for {seconds:g} s, all on the
            cores of this machine: calls per second in sum, and the processor time that each call takes in the clients
            and in the server. Beside it the calls per second when the answers are recorded ones.
            """,
            [
                "",
                "processes",
                "calls per second",
                "ms of the clients",
                "ms of the server",
                "calls per second, clients alone",
            ],
            several,
        ),
    ]


Call = Callable[[Caller, int], Awaitable[None]]

CALLS_OF: Final[Mapping[str, Call]] = {
    "point read": Caller.read,
    "create": Caller.create,
    "batch of two creates": Caller.batch,
    "query of one partition": Caller.query,
    "feed poll that finds nothing": Caller.poll,
    f"feed page of {_PAGE} items": Caller.page,
}


# Reads first: a poll would find what the others create.
_SHARED: Final = (
    "point read",
    "feed poll that finds nothing",
    "query of one partition",
    "create",
    "batch of two creates",
)


async def _compared(scale: Scale, title: str, real: Caller, canned: Caller) -> Sequence[Cell]:
    progress(title)
    call = CALLS_OF[title]
    await real.drain()
    canned.continuation = real.continuation

    def alone(caller: Caller) -> Callable[[int], Awaitable[None]]:
        async def run(_round: int) -> None:
            for number in range(_CALLS):
                await call(caller, number)

        return run

    def together(caller: Caller) -> Callable[[int], Awaitable[None]]:
        async def run(_round: int) -> None:
            numbers = iter(range(_CALLS))

            async def client() -> None:
                for number in numbers:
                    await call(caller, number)

            await asyncio.gather(*(client() for _ in range(AT_ONCE)))

        return run

    sides = {
        "real": alone(real),
        "canned": alone(canned),
        "real together": together(real),
        "canned together": together(canned),
    }
    timings = await interleaved_async(sides, scale.rounds, _CALLS)
    taken, of_client = timings.median("real") * 1e3, timings.median("canned") * 1e3
    together_per_second = [1 / timings.median(side) for side in ("real together", "canned together")]
    return [title, taken, of_client, taken - of_client, 1e3 / taken, *together_per_second]


@asynccontextmanager
async def _callers(service: Service, stand_in: Service, order_ids: list[str]) -> AsyncIterator[tuple[Caller, Caller]]:
    """The same account, once itself and once canned."""
    async with events.opened(service.url) as real, events.opened(stand_in.url) as recorded:
        yield Caller(real, order_ids), Caller(recorded, order_ids)


def _shared(
    seconds: float, service: Service, stand_in: Service, order_ids: list[str], processes: int
) -> Iterator[Sequence[Cell]]:
    progress(f"{processes} client processes")
    calls = _SHARED
    with _processes(service.url, order_ids, processes) as clients:
        real = [_together(clients, title, seconds, service.pid) for title in calls]
    with _processes(stand_in.url, order_ids, processes) as clients:
        canned = [_together(clients, title, seconds, stand_in.pid) for title in calls]
    for title, (per_second, of_clients, of_server), (alone, _, _) in zip(calls, real, canned, strict=True):
        yield title, processes, per_second, of_clients * 1e3, of_server * 1e3, alone


@contextmanager
def _processes(url: str, order_ids: list[str], count: int) -> Iterator[Sequence[Conversation]]:
    with ExitStack() as stack:
        clients = [stack.enter_context(processes.conversation("emulators.bench.probes.callers")) for _ in range(count)]
        for client in clients:
            client.say({"url": url, "placed": order_ids})
        for client in clients:
            client.hear()
        yield clients


def _together(clients: Sequence[Conversation], title: str, seconds: float, server: int) -> tuple[float, ...]:
    """Calls per second, and seconds of processor time per call in the clients and in the server."""
    before = processor_seconds(server)
    for client in clients:
        client.say([title, seconds])
    heard = [client.hear() for client in clients]
    calls = sum(each["calls"] for each in heard)
    of_server = processor_seconds(server) - before
    return calls / seconds, sum(each["processor"] for each in heard) / calls, of_server / calls
