"""Part 6d: what parked streams cost the read model that has parked them."""

import contextlib
from collections.abc import Sequence
from typing import Final

from bench import cloud
from bench.material import new_id, new_item
from composition.services import build
from composition.settings import Settings
from domain.stock.aggregate import STOCK
from domain.stock.events import StockReceived
from emulators.bench.measure import interleaved_async
from emulators.bench.report import Goal, Table
from emulators.bench.scale import Scale
from engine.clock import utc_now
from engine.consuming.parking import unhandled
from engine.services import Services
from projections.stock_levels import STOCK_LEVELS

_PARKED: Final = (0, 1, 100)
_STREAMS: Final = 500
_AT_LEAST: Final = 0.9


async def run(scale: Scale) -> Sequence[Table]:
    with cloud.cosmos() as service:
        async with contextlib.AsyncExitStack() as stack:
            sides = {}
            for parked in _PARKED:
                # What is parked of one read model has one index, so that each side has a database of its own.
                known = {**cloud.environment(service.url), "COSMOS_DATABASE": f"parked-{parked}"}
                cloud.provision(known)
                services = await stack.enter_async_context(build(Settings.from_mapping(known)))
                sides[str(parked)] = await _Side.begun(services, parked)
            timings = await interleaved_async(
                {name: side.batch for name, side in sides.items()}, scale.rounds, _STREAMS
            )
    per_second = {name: 1 / timings.median(name) for name in sides}
    rates = {name: timings.ratio("0", name) for name in sides}
    return [
        Table(
            "The feed beside parked streams",
            f"""
            Batches of {_STREAMS} events, one of each of {_STREAMS} streams of stock, through the projector of the
            service to the local Cosmos DB in a process of its own; {scale.rounds} rounds, in turns. An event of a
            parked stream is skipped, which is a request, as the write of a view is. Each batch reads the index of what
            is parked, once.
            """,
            ["streams that are parked", "events per second", "of those without"],
            [[int(name), per_second[name], rates[name]] for name in sides],
            [
                Goal(f"events per second with {name} parked streams, of those with none", _AT_LEAST, rates[name], True)
                for name in sides
                if name != "0"
            ],
        )
    ]


class _Side:
    """Streams of which each batch has one event each; the views of all of them have been written once."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._skus = [new_id() for _ in range(_STREAMS)]

    @classmethod
    async def begun(cls, services: Services, parked: int) -> "_Side":
        side = cls(services)
        await side._run(1, _STREAMS)
        store, consumer = services.automatic.release.parked, STOCK_LEVELS.consumer
        for item in side._items(2, parked):
            stream = unhandled(str(item["streamId"]), [item], ValueError("a defect"), 5, utc_now())
            await store.park(consumer, stream)
        assert parked == len((await store.index(consumer)).stream_ids)
        return side

    async def batch(self, number: int) -> None:
        await self._run(number + 2, _STREAMS)

    async def _run(self, version: int, streams: int) -> None:
        await self._services.projector.run(STOCK_LEVELS, self._items(version, streams))

    def _items(self, version: int, streams: int) -> Sequence[dict[str, object]]:
        return [new_item(STOCK.stream_id(sku), version, StockReceived(sku, 1)) for sku in self._skus[:streams]]
