"""Part 5c: how fast `operate verify` reads, folds and compares, and what it holds in memory meanwhile."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any, Final

from azure.cosmos.aio import DatabaseProxy

from bench import cloud
from bench.material import CODEC, new_id, new_item
from domain.stock.aggregate import STOCK
from domain.stock.events import StockReceived
from emulators.bench.report import Cell, Table
from emulators.bench.scale import Scale, progress
from engine.storing.containers import EVENTS
from engine.storing.cosmos_account import open_client
from engine.storing.items import from_item
from projections.stock_levels import STOCK_LEVELS

_BATCH: Final = 100
_AT_ONCE: Final = 8
_TIMES_MANY: Final = 10
_SHARES: Final = (0.1, 1.0)
_MIB: Final = 2**20


async def run(scale: Scale) -> Sequence[Table]:
    rows: list[Sequence[Cell]] = []
    most = scale.many * _TIMES_MANY
    for share in _SHARES:
        events = int(most * share)
        with cloud.cosmos() as service:
            known = cloud.environment(service.url)
            cloud.provision(known)
            progress(f"{events:,} events, with their views")
            async with open_client(cloud.settings(service.url).engine.cosmos) as client:
                await _fill(client.get_database_client(cloud.DATABASE), events // _BATCH)
            progress("the verification of them")
            said = cloud.run_python("-m", "bench.probes.verify", known=known)
        found: dict[str, Any] = json.loads(said.splitlines()[-1])
        rows.append([f"{events:,}", found["seconds"], events / found["seconds"], found["peak"] / _MIB])
    return [
        Table(
            f"A verification of {most:,} events",
            f"""
            `operate verify` in a fresh process, over streams of {_BATCH} events with a view each, in a local Cosmos DB
            beside it. Seconds from its start to its end, connecting included; the most resident memory that it had.
            """,
            ["events", "s", "events per s", "most memory, MiB"],
            rows,
        )
    ]


async def _fill(database: DatabaseProxy, streams: int) -> None:
    numbers = iter(range(streams))
    events, views = (database.get_container_client(name) for name in (EVENTS.name, STOCK_LEVELS.name))

    async def writer() -> None:
        for _ in numbers:
            stream_id = STOCK.stream_id(new_id())
            items = [new_item(stream_id, version, StockReceived("mug", 1)) for version in range(1, _BATCH + 1)]
            await events.execute_item_batch([("create", (item,)) for item in items], stream_id)
            view, last = None, None
            for item in items:
                last = CODEC.decode(from_item(item))
                view = STOCK_LEVELS.project(view, last)
            assert view is not None
            assert last is not None
            await views.create_item(STOCK_LEVELS.to_document(STOCK_LEVELS.key(last), _BATCH, view))

    await asyncio.gather(*(writer() for _ in range(_AT_ONCE)))
