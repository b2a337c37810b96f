"""Part 9: a rebuild of a read model, beside a bare read of the feed and a bare upsert of the views that come of it."""

import asyncio
import json
import statistics
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from azure.cosmos.aio import ContainerProxy

from bench import cloud
from bench.material import CUSTOMER, LINES, new_id, new_item
from composition.services import build
from domain.order.events import OrderConfirmed, OrderPlaced, OrderShipped
from emulators.bench.machine import facts
from emulators.bench.report import Cell, Goal, Table
from emulators.bench.scale import Scale, progress
from engine.projecting.generations.port import change
from engine.projecting.generations.ranges import PAGE
from engine.projecting.generations.rebuild import SETTLED, Progress, Rebuild
from engine.projecting.query import ReadModel
from engine.services import Services
from engine.storing.cosmos_account import open_client
from engine.storing.items import from_item
from engine.storing.port import Head
from projections.order_details import ORDER_DETAILS

_EVENTS_OF_MANY: Final = 0.2
_AT_ONCE: Final = 16
_MOST: Final = 1.5
_SPREAD: Final = 100
"""So many other orders are placed before an order is confirmed, and again before it is shipped."""


async def run(scale: Scale) -> Sequence[Table]:
    orders = int(scale.many * _EVENTS_OF_MANY / 3)
    rounds = min(scale.rounds, 3)
    with cloud.cosmos(None) as server:
        known = cloud.environment(server.url)
        cloud.provision(known)
        settings = cloud.settings(server.url)
        async with build(settings) as services, open_client(settings.engine.cosmos) as client:
            database = client.get_database_client(cloud.DATABASE)
            events, views = database.get_container_client("events"), database.get_container_client(ORDER_DETAILS.name)
            progress(f"{3 * orders:,} events")
            await _filled(services, orders)
            ours, reads, upserts = list[float](), list[float](), list[float]()
            for number in range(rounds):
                progress(f"round {number + 1} of {rounds}")
                generation = number + 2
                ours.append(await _timed(lambda: _rebuilt(services, generation)))  # noqa: B023 - awaited at once
                reads.append(await _timed(lambda: _read(events)))
                documents = await _documents(views, generation)
                assert orders == len(documents)
                upserts.append(await _timed(lambda: _upserted(views, documents)))  # noqa: B023 - awaited at once
    return [_table(orders, ours, reads, upserts)]


def _table(orders: int, ours: Sequence[float], reads: Sequence[float], upserts: Sequence[float]) -> Table:
    of_ours, of_reads, of_upserts = (statistics.median(each) for each in (ours, reads, upserts))
    ratio = of_ours / (of_reads + of_upserts)
    rows: Sequence[Sequence[Cell]] = [
        ["rebuild", of_ours, 3 * orders / of_ours, ratio],
        ["bare read of the feed", of_reads, 3 * orders / of_reads, None],
        ["bare upsert of the views", of_upserts, orders / of_upserts, None],
    ]
    return Table(
        "Rebuilding a read model",
        f"""
        ours: `operate projections rebuild` of `order-details` from {orders:,} orders of 3 events, each of them between
        those of {_SPREAD} other orders, without the minute in which it waits and without a bound on its request units.
        bare: the SDK reads the feed in pages of {PAGE:,}, then upserts the views that came of it, {_AT_ONCE} at once.
        One partition; Cosmos DB in memory, in a process of its own, on the same {facts()["cores"]} cores.
        """,
        ["", "seconds", "per second", "of bare"],
        rows,
        [Goal("a rebuild, of a bare read and a bare upsert", _MOST, ratio)],
    )


async def _timed(work: Callable[[], Awaitable[None]]) -> float:
    began = time.perf_counter()
    await work()
    return time.perf_counter() - began


async def _rebuilt(services: Services, generation: int) -> None:
    projection = replace(ORDER_DETAILS, generation=generation)
    read_model = ReadModel((ORDER_DETAILS, projection))

    async def sleep(seconds: float) -> None:
        await asyncio.sleep(0 if seconds == SETTLED else seconds)

    async def room() -> None:
        return

    def report(_: Progress) -> None:
        return

    rebuild = Rebuild(
        services.lags.feed, services.generations.store, services.feeding.runner, sleep, new_id, room, report
    )
    await rebuild.run(read_model, services.feeding.walker(projection), generation)
    await change(
        services.generations.store, read_model.name, 1, lambda now: replace(now, written=(1,))
    )  # The next round is one of two again.


async def _read(events: ContainerProxy) -> None:
    ranges = [each async for each in events.read_feed_ranges()]

    async def one(feed_range: Mapping[str, Any]) -> None:
        pages = events.query_items_change_feed(
            feed_range=dict(feed_range), start_time="Beginning", max_item_count=PAGE
        ).by_page()
        async for page in pages:
            async for _ in page:
                pass

    await asyncio.gather(*map(one, ranges))


async def _documents(views: ContainerProxy, generation: int) -> Sequence[dict[str, Any]]:
    found = views.query_items(
        "SELECT c.id, c.position, c.writer, c.view FROM c WHERE STARTSWITH(c.id, @prefix)",
        parameters=[{"name": "@prefix", "value": f"{generation}~"}],
    )
    return [{**document, "id": f"bare{document['id']}"} async for document in found]


async def _upserted(views: ContainerProxy, documents: Sequence[dict[str, Any]]) -> None:
    slots = asyncio.Semaphore(_AT_ONCE)

    async def one(document: dict[str, Any]) -> None:
        async with slots:
            await views.upsert_item(document, no_response=True)

    await asyncio.gather(*map(one, documents))


async def _filled(services: Services, orders: int) -> None:
    streams = [new_id() for _ in range(orders)]
    heads: dict[str, Head] = {}

    async def happened(order_id: str, version: int, event: object) -> None:
        stream = f"order-{order_id}"
        stored = from_item(json.loads(json.dumps(new_item(stream, version, event))))
        await services.commands.store.append(stream, heads.get(stream, Head(0, "")), [stored])
        heads[stream] = Head(version, stored.metadata.event_id)

    for begin in range(0, orders + 2 * _SPREAD, _AT_ONCE):
        due = list[Awaitable[None]]()
        for number in range(begin, begin + _AT_ONCE):
            for version, at in enumerate((number, number - _SPREAD, number - 2 * _SPREAD), 1):
                if 0 <= at < orders:
                    order_id = streams[at]
                    event = (
                        OrderPlaced(order_id, CUSTOMER, LINES),
                        OrderConfirmed(order_id, CUSTOMER),
                        OrderShipped(order_id, CUSTOMER, "DHL", "T-1"),
                    )[version - 1]
                    due.append(happened(order_id, version, event))
        await asyncio.gather(*due)
