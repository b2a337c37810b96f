"""A consumer of the feed over memory, which fails where a test wants it to."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from engine.consuming.feed_runner import FeedConsumer, FeedRunner
from engine.consuming.parked_streams.automatic import AutomaticReleases
from engine.consuming.parked_streams.memory import MemoryParkedStreams
from engine.consuming.parked_streams.port import ParkedStream
from engine.consuming.parked_streams.release import StreamRelease
from engine.consuming.parking import Parking
from engine.storing.items import MAX_EVENTS, to_item
from engine.storing.memory import MemoryEventStore
from engine.storing.port import Head
from engine.testing.times import NOON
from tests.engine.projecting.feeding import stored_event
from tests.engine.toy.house import BedsAdded
from tests.engine.toy.registry import CODEC

CONSUMER = "toy@1"


class Feed:
    """`fails(stream_id, version)` raises, or not; `given` has what was handled, by stream."""

    def __init__(self) -> None:
        self.now: datetime = NOON
        self.pauses: list[float] = []
        self.store = MemoryEventStore()
        self.parked = MemoryParkedStreams()
        self.given: dict[str, list[int]] = {}
        self.fails: Callable[[str, int], None] = lambda _stream, _version: None
        self.consumer = FeedConsumer(CONSUMER, lambda _: True, self._apply)
        self.runner = self.another_process()
        self.release = StreamRelease(self.parked, self.store, lambda: self.now, self.pause)
        self.automatic = AutomaticReleases(self.release, [self.consumer])

    def another_process(self) -> FeedRunner:
        parking = Parking(self.parked, lambda: self.now, lambda: self.now.timestamp())
        return FeedRunner(parking, lambda: self.now, self.pause)

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += timedelta(seconds=seconds)

    async def happened(self, stream_id: str, count: int = 1) -> list[Mapping[str, Any]]:
        """Appends so many events, and returns their items."""
        there = await self.store.newest(stream_id, 1)
        head = Head(there[0].version, there[0].metadata.event_id) if there else Head(0, "")
        events = [
            stored_event(CODEC, stream_id, version, BedsAdded("hill", 1))
            for version in range(head.version + 1, head.version + count + 1)
        ]
        for at in range(0, count, MAX_EVENTS):
            transaction = events[at : at + MAX_EVENTS]
            await self.store.append(stream_id, head, transaction)
            head = Head(transaction[-1].version, transaction[-1].metadata.event_id)
        return [to_item(event) for event in events]

    async def deliver(self, *items: Mapping[str, Any]) -> None:
        await self.runner.run(self.consumer, items)

    async def waits(self, stream_id: str) -> ParkedStream:
        parked = await self.parked.get(CONSUMER, stream_id)
        assert parked is not None
        return parked

    async def ids(self) -> frozenset[str]:
        return (await self.parked.index(CONSUMER)).stream_ids

    async def _apply(self, stream_id: str, items: Sequence[Mapping[str, Any]]) -> None:
        for item in sorted(items, key=lambda item: str(item.get("id"))):
            self.fails(stream_id, item["version"])
        self.given.setdefault(stream_id, []).extend(item["version"] for item in items)
