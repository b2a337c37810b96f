"""A rebuild fills a new generation of a read model from the events, beside the one that serves.

It walks the feed of the events from its beginning, and hands it to the consumer that the hosts run. Near the head, the
generation is declared written, and the hosts write it too. What a host applied without knowing that was appended before
it could know; so once every host knows, the rebuild records the head, and when it has walked up to there, nothing is
missing: the generation is whole.

Views hold the position that they have seen, so it may be interrupted and run again, by two at once too.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from engine.consuming.feed.port import EventFeed
from engine.consuming.feed.side_by_side import side_by_side
from engine.consuming.feed_runner import FeedConsumer, FeedRunner
from engine.projecting.generations.port import (
    Build,
    GenerationRefused,
    Generations,
    GenerationStore,
    Walked,
    change,
    get_or_begin,
)
from engine.projecting.generations.ranges import FeedRanges
from engine.projecting.query import ReadModel

SETTLED: Final = 60.0
"""Seconds after which every host knows what is written: longer than it remembers, and than a replica lags."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Says how far a rebuild is: events walked, and transactions of the feed, of those that there were."""

    phase: str
    events: int
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Rebuild:
    """`room()` returns when there is room for more requests; `report` is told the progress after each batch."""

    feed: EventFeed
    store: GenerationStore
    runner: FeedRunner
    sleep: Callable[[float], Awaitable[None]]
    new_id: Callable[[], str]
    room: Callable[[], Awaitable[None]]
    report: Callable[[Progress], None]

    async def run(self, read_model: ReadModel, consumer: FeedConsumer, generation: int) -> None:
        """Fills the generation, from where the last run has come to, until it is whole. `consumer` writes it.

        An event that does not apply parks its stream, for this generation alone. Raises GenerationRefused, FeedReset,
        TransientFailure, which is a Defect where many streams fail alike, and AdapterError.
        """
        ranges = FeedRanges(self.feed, self.sleep, self.room)
        walk = _Walk(self, ranges, read_model, self._paced(consumer), generation)
        try:
            await walk.run()
        except _Finished:
            # Another run was faster.
            return

    def _paced(self, consumer: FeedConsumer) -> FeedConsumer:
        async def apply(stream_id: str, items: Sequence[Mapping[str, Any]]) -> None:
            await self.room()
            await consumer.apply(stream_id, items)

        return replace(consumer, apply=apply)


class _Finished(Exception):
    """Is raised when the generation turns out to be whole."""


@dataclass(frozen=True, slots=True)
class _Walk:
    rebuild: Rebuild
    ranges: FeedRanges
    read_model: ReadModel
    consumer: FeedConsumer
    generation: int

    async def run(self) -> None:
        generations = await self._begun()
        build = self._own(generations)
        await self.ranges.heads(build.ranges)
        if self.generation not in generations.written:
            await self._up_to_heads(build, "walking")
            generations = await self._change(build, self._written)
        if not self._own(generations).closing:
            self._report("waiting until every host writes it", self._own(generations))
            await self.rebuild.sleep(SETTLED)
            build = self._same(await self._stored(), build)
            heads = await self.ranges.heads(build.ranges)
            generations = await self._change(build, lambda now: self._closing(now, heads))
        build = self._own(generations)
        await self._up_to_heads(build, "closing")
        await self._change(build, lambda now: replace(now, build=None))

    async def _begun(self) -> Generations:
        generations = await self._stored()
        new = None
        if generations.build is None:
            new = Build(self.generation, self.rebuild.new_id(), tuple(await self.ranges.begun()))
        return await self._written_as(lambda now: self._beginning(now, new))

    def _beginning(self, now: Generations, new: Build | None) -> Generations:
        name, generation = self.read_model.name, self.generation
        if now.dropped is not None:
            raise GenerationRefused(f"generation {now.dropped} of {name} is being dropped: finish that first")
        if generation in now.whole:
            raise GenerationRefused(f"generation {generation} of {name} is whole: there is nothing to build")
        if now.build is None:
            return replace(now, build=new)
        if now.build.generation != generation:
            raise GenerationRefused(
                f"generation {now.build.generation} of {name} is being built: finish it or drop it first"
            )
        return now

    def _written(self, now: Generations) -> Generations:
        return replace(now, written=tuple(sorted({*now.written, self.generation})))

    def _closing(self, now: Generations, heads: Sequence[str]) -> Generations:
        build = self._own(now)
        if build.closing:
            return now
        ranges = tuple(replace(each, head=head) for each, head in zip(build.ranges, heads, strict=True))
        return replace(now, build=replace(build, ranges=ranges, closing=True))

    def _own(self, now: Generations) -> Build:
        if now.build is None and self.generation in now.written:
            raise _Finished
        if now.build is None or now.build.generation != self.generation:
            raise GenerationRefused(f"generation {self.generation} of {self.read_model.name} was dropped meanwhile")
        return now.build

    def _same(self, now: Generations, build: Build) -> Build:
        """Returns what has become of this build. Raises GenerationRefused where another one has begun instead."""
        its = self._own(now)
        if its.build_id != build.build_id:
            raise GenerationRefused(f"generation {build.generation} of {self.read_model.name} is being built anew")
        return its

    async def _up_to_heads(self, build: Build, phase: str) -> None:
        await side_by_side(
            partial(self._walk, build, number, walked, phase) for number, walked in enumerate(build.ranges)
        )

    async def _walk(self, build: Build, number: int, walked: Walked, phase: str) -> None:
        """Walks one range up to its head; what it has applied is kept after each batch."""
        feed = self.rebuild.feed
        while not feed.has_reached(walked.position, walked.head):
            walked, items = await self.ranges.batch(walked, self.consumer.follows)
            if items:
                await self.ranges.insist(lambda: self.rebuild.runner.run(self.consumer, items))  # noqa: B023 - awaited at once

            def saved(now: Generations, walked: Walked = walked) -> Generations:
                its = self._own(now)
                ranges = list(its.ranges)
                if feed.transactions(ranges[number].position) < feed.transactions(walked.position):
                    ranges[number] = replace(walked, head=ranges[number].head)
                return replace(now, build=replace(its, ranges=tuple(ranges)))

            self._report(phase, self._own(await self._change(build, saved)))

    async def _stored(self) -> Generations:
        name, lowest = self.read_model.name, self.read_model.generations[0]
        return (await self.ranges.insist(lambda: get_or_begin(self.rebuild.store, name, lowest))).generations

    async def _change(self, build: Build, changed: Callable[[Generations], Generations]) -> Generations:
        """Changes what is stored, as long as this build is the one that goes on."""

        def own(now: Generations) -> Generations:
            self._same(now, build)
            return changed(now)

        return await self._written_as(own)

    async def _written_as(self, changed: Callable[[Generations], Generations]) -> Generations:
        name, lowest = self.read_model.name, self.read_model.generations[0]
        return await self.ranges.insist(lambda: change(self.rebuild.store, name, lowest, changed))

    def _report(self, phase: str, build: Build) -> None:
        count = self.rebuild.feed.transactions
        done = sum(count(each.position) for each in build.ranges)
        total = sum(count(each.head) for each in build.ranges)
        self.rebuild.report(Progress(phase, sum(each.documents for each in build.ranges), min(done, total), total))
