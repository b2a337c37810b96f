"""A cold load reads a short stream in one query, and a long stream from a snapshot and its newest events.

What has to be folded is read page by page. The cache has the state after each page, and a snapshot is written now and
then: the next load goes on where one was cut off.
"""

import asyncio
import logging
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from engine.commands.stream_state import StreamState, StreamStateCache
from engine.deciding.aggregate import Aggregate, SnapshotFormat
from engine.errors import AdapterError
from engine.storing.codec import EventCodec
from engine.storing.errors import HistoryLost
from engine.storing.events import StoredEvent
from engine.storing.items import MAX_EVENTS
from engine.storing.limits import MAY_BE_LARGE, Limits
from engine.storing.pages import insist, pages
from engine.storing.port import EventStore
from engine.storing.snapshots import Snapshot, SnapshotStore, size_of

NEWEST: Final = 100
"""A load reads this many events along with the snapshot: twice as many as lie between two snapshots."""

SNAPSHOT_WHILE_FOLDING: Final = 10_000
"""A long fold leaves a snapshot each time that it has folded this many events."""

_WATCH_EVERY: Final = 1_000
"""The size of a stream that may be large is estimated once in this many events."""

_log = logging.getLogger(__name__)


class Asked(NamedTuple):
    """Names the stream that is loaded, and the commands whose events are looked for in it."""

    aggregate: Aggregate[Any, Any, Any]
    stream_id: str
    command_ids: Collection[str]

    def own(self, events: Sequence[StoredEvent]) -> list[StoredEvent]:
        return [event for event in events if event.command_id in self.command_ids]


class Loaded(NamedTuple):
    """Holds the state of a stream, and the events of the commands among the `folded` ones that were read for it.

    It is `whole` if these are all events that the replica showed.
    """

    state: StreamState[Any]
    own: Sequence[StoredEvent]
    folded: int
    whole: bool


@dataclass(frozen=True, slots=True)
class Loader:
    """Loads states of streams into the cache."""

    store: EventStore
    snapshots: SnapshotStore
    codec: EventCodec
    cache: StreamStateCache
    limits: Limits

    async def load(self, stream: Asked, *, trust_snapshot: bool = True) -> Loaded:
        """Returns the state of the stream.

        It takes at most two sequential round trips while the snapshot lags by less than `NEWEST` events. Raises as the
        event store and the event codec do; an error of the snapshot store is only logged.
        """
        initial = StreamState(stream.aggregate.decider.initial)
        if stream.aggregate.snapshots is None or not trust_snapshot:
            return await self._fold_on(stream, initial)
        snapshot, newest = await asyncio.gather(
            self._snapshot(stream.aggregate.snapshots, stream.stream_id),
            insist(lambda: self.store.newest(stream.stream_id, NEWEST)),
        )
        if _is_whole(newest):
            return await self._folded(stream, initial, newest)
        if snapshot is None:
            return await self._fold_on(stream, initial)
        following = _following(snapshot, newest)
        if following is not None:
            return await self._folded(stream, snapshot, following)
        try:
            return await self._fold_on(stream, snapshot)
        except HistoryLost:
            # The store was restored to a time before the snapshot, or the replica lags: the events decide.
            return await self._fold_on(stream, initial)

    async def catch_up(self, stream: Asked, known: StreamState[Any]) -> Loaded:
        """Returns the state of a stream that has left `known` far behind.

        A newer snapshot saves the events before it. Raises as `load` does, and HistoryLost.
        """
        if stream.aggregate.snapshots is not None:
            snapshot = await self._snapshot(stream.aggregate.snapshots, stream.stream_id)
            if snapshot is not None and snapshot.version > known.version:
                with suppress(HistoryLost):
                    return await self._fold_on(stream, snapshot)
        return await self._fold_on(stream, known)

    async def keep(self, aggregate: Aggregate[Any, Any, Any], stream_id: str, state: StreamState[Any]) -> None:
        """Writes a snapshot if the aggregate has any, and now and then looks at the size of the stream.

        A failure is only logged: the next load is slower, and still right.
        """
        try:
            if aggregate.snapshots is not None:
                # The state may be large: in a thread, its conversion does not hold the loop.
                snapshot, size = await asyncio.to_thread(_snapshot_of, aggregate.snapshots, stream_id, state)
                if self.limits.snapshot_fits(stream_id, size):
                    await self.snapshots.write(snapshot)
            # One transaction may pass by a round version.
            if state.version >= MAY_BE_LARGE and state.version % _WATCH_EVERY <= MAX_EVENTS:
                self.limits.watch_stream(stream_id, state.version, await self.store.newest(stream_id, NEWEST))
        except AdapterError as error:
            _log.info("stream %s at version %d was left without a snapshot: %s", stream_id, state.version, error)

    async def _snapshot(self, format_: SnapshotFormat[Any], stream_id: str) -> StreamState[Any] | None:
        try:
            snapshot = await insist(lambda: self.snapshots.read(stream_id, format_.fold))
        except AdapterError as error:
            _log.info("the snapshot of stream %s was not read: %s", stream_id, error)
            return None
        return None if snapshot is None else await asyncio.to_thread(_state_of, snapshot, format_)

    async def _fold_on(self, stream: Asked, start: StreamState[Any]) -> Loaded:
        """Reads all events after `start`. Raises HistoryLost if the event that `start` ends with is not there."""
        stream_id, own, folded = stream.stream_id, list[StoredEvent](), 0
        state, borne_out = start, start.version == 0
        async for page in pages(self.store, stream_id, max(start.version - 1, 0)):
            if not borne_out:
                if page[0].metadata.event_id != start.event_id:
                    break
                page, borne_out = page[1:], True
            state = await state.then(stream.aggregate, self.codec, page)
            self.cache.put(stream_id, state)
            own += stream.own(page)
            before, folded = folded, folded + len(page)
            if folded // SNAPSHOT_WHILE_FOLDING > before // SNAPSHOT_WHILE_FOLDING:
                await self.keep(stream.aggregate, stream_id, state)
        if not borne_out:
            raise HistoryLost(stream_id)
        if not folded:
            self.cache.put(stream_id, state)
        return Loaded(state, own, folded, whole=start.version == 0)

    async def _folded(self, stream: Asked, start: StreamState[Any], following: Sequence[StoredEvent]) -> Loaded:
        state = await start.then(stream.aggregate, self.codec, following)
        self.cache.put(stream.stream_id, state)
        return Loaded(state, stream.own(following), len(following), whole=start.version == 0)


def _is_whole(newest: Sequence[StoredEvent]) -> bool:
    return len(newest) < NEWEST and [event.version for event in newest] == list(range(1, len(newest) + 1))


def _following(snapshot: StreamState[Any], newest: Sequence[StoredEvent]) -> Sequence[StoredEvent] | None:
    """Returns the events after the snapshot; None if its own event is not in `newest`, or a gap comes after it."""
    from_there = [event for event in newest if event.version >= snapshot.version]
    if not from_there or from_there[0].metadata.event_id != snapshot.event_id:
        return None
    if [event.version for event in from_there] != list(range(snapshot.version, snapshot.version + len(from_there))):
        return None
    return from_there[1:]


def _snapshot_of(format_: SnapshotFormat[Any], stream_id: str, state: StreamState[Any]) -> tuple[Snapshot, int]:
    """Returns the snapshot and its size in bytes."""
    snapshot = Snapshot(
        stream_id,
        format_.fold,
        state.version,
        state.event_id,
        state.occurred_at,
        state.event_type,
        format_.to_data(state.state),
    )
    return snapshot, size_of(snapshot)


def _state_of(snapshot: Snapshot, format_: SnapshotFormat[Any]) -> StreamState[Any] | None:
    """Returns the state in the snapshot; None for data that cannot be read, since the events are there."""
    try:
        state = format_.from_data(snapshot.state)
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
    return StreamState(state, snapshot.version, snapshot.event_id, snapshot.occurred_at, snapshot.event_type)
