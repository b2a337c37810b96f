"""Another generation of a read model takes over, and one that nobody asks any more is deleted."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, TypeVar

from engine.consuming.parked_streams.port import ParkedStreams
from engine.errors import Throttled
from engine.projecting.counting.port import RollupStore
from engine.projecting.counting.rollup import Rollup
from engine.projecting.generations.port import GenerationRefused, Generations, GenerationStore, change
from engine.projecting.generations.rebuild import SETTLED
from engine.projecting.port import ViewKey, ViewStore
from engine.projecting.query import ReadModel

T = TypeVar("T")

CONTINUED: Final = timedelta(hours=1)
"""So long after a flip, the pages of the generation from before can still be turned."""

_PAGE: Final = 500
_AT_ONCE: Final = 16
_NAMED: Final = 10


@dataclass(frozen=True, slots=True)
class Switching:
    """Each change is one conditional write. `clock` is that of the one who asks, `sleep` takes seconds."""

    store: GenerationStore
    views: ViewStore
    rollups: RollupStore
    parked: ParkedStreams
    clock: Callable[[], datetime]
    sleep: Callable[[float], Awaitable[None]]

    async def flip(self, read_model: ReadModel, to: int | None, *, with_parked: bool) -> Generations:
        """Makes a generation answer the queries that is whole; without `to`, the only other one.

        Raises GenerationRefused, also where it has parked streams, unless `with_parked`; and AdapterError.
        """
        looked = await self._change(read_model, lambda now: now)
        generation = _other(read_model, looked) if to is None else to
        parked = sorted((await self.parked.index(_consumer(read_model, generation))).stream_ids)
        if parked and not with_parked:
            named = ", ".join(parked[:_NAMED]) + (f" and {len(parked) - _NAMED} more" if parked[_NAMED:] else "")
            raise GenerationRefused(
                f"generation {generation} of {read_model.name} has parked {named}, of which it shows less: "
                "release them first, or flip --with-parked"
            )

        def flipped(now: Generations) -> Generations:
            if generation not in now.whole:
                raise GenerationRefused(_not_whole(read_model, generation, now))
            if generation == now.serving:
                return now
            return replace(now, serving=generation, flipped_at=self.clock())

        return await self._change(read_model, flipped)

    async def drop(self, read_model: ReadModel, generation: int, report: Callable[[int], None]) -> int:
        """Ends the writing of a generation and deletes its documents; gives their number, which `report` is told.

        The streams that it has parked are free then: one that is built anew meets their events again. It may be
        interrupted, and run again. Raises GenerationRefused for the serving one, and for one that was whole for an hour
        after a flip; and AdapterError.
        """

        def dropping(now: Generations) -> Generations:
            if generation == now.serving:
                raise GenerationRefused(
                    f"generation {generation} of {read_model.name} serves: flip to another one first"
                )
            if now.dropped not in (None, generation):
                raise GenerationRefused(f"generation {now.dropped} is being dropped: finish that first")
            earliest = None if now.flipped_at is None else now.flipped_at + CONTINUED
            if earliest is not None and generation in now.whole and self.clock() < earliest:
                raise GenerationRefused(
                    f"clients may still turn pages of before the flip: drop from {earliest:%Y-%m-%d %H:%M:%S} UTC on"
                )
            build = None if now.build is None or now.build.generation == generation else now.build
            written = tuple(each for each in now.written if each != generation)
            return replace(now, written=written, build=build, dropped=generation)

        def dropped(now: Generations) -> Generations:
            return replace(now, dropped=None) if now.dropped == generation else now

        consumer = _consumer(read_model, generation)
        await self._change(read_model, dropping)
        # A release of one of its streams ends with its page then. Hosts that do not know yet may park others.
        await self._free(consumer)
        await self.sleep(SETTLED)
        await self._free(consumer)
        deleted = 0
        is_rollup = isinstance(read_model.projections[0], Rollup)
        delete = self._delete_sums if is_rollup else self._delete_views
        while count := await delete(read_model, f"{generation}~"):
            deleted += count
            report(deleted)
        await self._change(read_model, dropped)
        return deleted

    async def _change(self, read_model: ReadModel, changed: Callable[[Generations], Generations]) -> Generations:
        return await change(self.store, read_model.name, read_model.generations[0], changed)

    async def _delete_sums(self, read_model: ReadModel, prefix: str) -> int:
        return await self._unthrottled(lambda: self.rollups.delete(read_model.name, prefix, _PAGE))

    async def _delete_views(self, read_model: ReadModel, prefix: str) -> int:
        container = read_model.container
        keys = await self._unthrottled(lambda: self.views.beginning(container, prefix, _PAGE))
        slots = asyncio.Semaphore(_AT_ONCE)

        async def one(key: ViewKey) -> None:
            async with slots:
                await self._unthrottled(lambda: self.views.delete(container.name, key))

        await asyncio.gather(*map(one, keys))
        return len(keys)

    async def _free(self, consumer: str) -> None:
        for stream_id in (await self.parked.index(consumer)).stream_ids:
            while (parked := await self.parked.get(consumer, stream_id)) is not None:
                await self.parked.free(consumer, parked)

    async def _unthrottled(self, request: Callable[[], Awaitable[T]]) -> T:
        while True:
            try:
                return await request()
            except Throttled as error:
                await self.sleep(error.retry_after)


def _consumer(read_model: ReadModel, generation: int) -> str:
    return f"{read_model.name}@{generation}"


def _other(read_model: ReadModel, now: Generations) -> int:
    others = [each for each in now.whole if each != now.serving]
    if len(others) == 1:
        return others[0]
    if others:
        raise GenerationRefused(
            f"{read_model.name} has generations {', '.join(map(str, others))} to flip to: give --to"
        )
    building = "" if now.build is None else f"; generation {now.build.generation} is not whole yet"
    raise GenerationRefused(f"{read_model.name} has no generation but {now.serving}, which serves{building}")


def _not_whole(read_model: ReadModel, generation: int, now: Generations) -> str:
    if now.build is not None and now.build.generation == generation:
        return f"generation {generation} of {read_model.name} is not whole yet: `rebuild` goes on with it"
    there = ", ".join(map(str, now.whole))
    return f"{read_model.name} has no generation {generation}, but {there}: `rebuild` makes one"
