"""A counter applies one batch of the change feed to one rollup.

An event counts on its own, whatever has come before: its marker and what it adds are one transaction, and where its
marker is, it is counted. A bucket takes events of many streams, so streams that come at once share its transactions.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from engine.consuming.errors import PermanentFailure, TransientFailure
from engine.consuming.feed_runner import FeedConsumer, FeedRunner
from engine.consuming.host_rewrites import EventsOf, as_read, as_written
from engine.errors import Unavailable
from engine.projecting.counting.port import RollupStore, Sums
from engine.projecting.counting.rollup import Rollup, marker_of
from engine.storing.codec import EventCodec
from engine.storing.events import RecordedEvent, StoredEvent
from engine.storing.port import EventStore
from engine.turns import in_turns

_CONCURRENT_STREAMS: Final = 1000
_CONCURRENT_WRITES: Final = 16


@dataclass(frozen=True, slots=True)
class Counter:
    """Feeds rollups; one instance serves every rollup of the worker process."""

    store: EventStore
    codec: EventCodec
    rollups: RollupStore
    runner: FeedRunner

    async def run(self, rollup: Rollup, items: Iterable[Mapping[str, Any]]) -> None:
        """Counts every event of the batch. Raises ConsumerError as `FeedRunner.run` does."""
        await self.runner.run(self.consumer(rollup), items)

    def consumer(self, rollup: Rollup) -> FeedConsumer:
        """Returns what counts the events of batches that come from the Functions host."""
        return self._consumer(rollup, partial(as_written, self.store))

    def walker(self, rollup: Rollup) -> FeedConsumer:
        """Returns what counts the events of batches that come from the store itself."""
        return self._consumer(rollup, as_read)

    def _consumer(self, rollup: Rollup, events_of: EventsOf) -> FeedConsumer:
        groups = _Groups(self.rollups, rollup.name)

        async def apply(stream_id: str, items: Sequence[Mapping[str, Any]]) -> None:
            await self._apply(rollup, groups, await events_of(stream_id, items))

        return FeedConsumer(rollup.consumer, rollup.follows, apply, concurrent=_CONCURRENT_STREAMS)

    async def _apply(self, rollup: Rollup, groups: "_Groups", events: Sequence[StoredEvent]) -> None:
        additions: defaultdict[str, dict[str, Sums]] = defaultdict(dict)
        async for stored in in_turns(events):
            event = self.codec.decode(stored)
            first = await self._first(events[0], event) if isinstance(event.event, rollup.with_first) else None
            if added := _added(rollup, event, first):
                additions[rollup.bucket_of(event)][marker_of(event)] = added
        for bucket, its_additions in additions.items():
            await groups.count(bucket, its_additions)

    async def _first(self, seen: StoredEvent, event: RecordedEvent[Any]) -> RecordedEvent[Any]:
        if seen.version == 1:
            return self.codec.decode(seen)
        for first in await self.store.read(event.stream_id, 0, 1):
            return self.codec.decode(first)
        raise TransientFailure(f"the store does not show event 1 of {event.stream_id} yet")


def _added(rollup: Rollup, event: RecordedEvent[Any], first: RecordedEvent[Any] | None) -> Sums:
    try:
        return rollup.added_by(event, first)
    except Exception as error:
        reason = f"event {event.version} ({type(event.event).__name__}) does not count"
        raise PermanentFailure(rollup.consumer, event.stream_id, reason, event.version) from error


@dataclass(slots=True)
class _Group:
    """Holds what streams add to one bucket together; `error` is why it was not written."""

    additions: dict[str, Sums]
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    error: Exception | None = None


class _Groups:
    """Writes what streams add to a bucket at the same time as one: the first stream writes for all that join it."""

    def __init__(self, rollups: RollupStore, container: str) -> None:
        self._rollups = rollups
        self._container = container
        self._open: dict[str, _Group] = {}
        self._slots = asyncio.Semaphore(_CONCURRENT_WRITES)

    async def count(self, bucket: str, additions: Mapping[str, Sums]) -> None:
        """Returns once these events are counted. Raises AdapterError, which every stream of the group gets."""
        group = self._open.get(bucket)
        if group is None:
            self._open[bucket] = group = _Group(dict(additions))
            await self._write(bucket, group)
            return
        group.additions.update(additions)
        await group.ended.wait()
        if group.error is not None:
            raise group.error

    async def _write(self, bucket: str, group: _Group) -> None:
        try:
            # The other streams of the batch, which are ready to run, join meanwhile.
            await asyncio.sleep(0)
            async with self._slots:
                del self._open[bucket]
                await self._rollups.count(self._container, bucket, group.additions)
        except asyncio.CancelledError:
            group.error = Unavailable(f"the stream that wrote bucket {bucket} for others was ended")
            raise
        except Exception as error:
            group.error = error
            raise
        finally:
            if self._open.get(bucket) is group:
                del self._open[bucket]
            group.ended.set()
