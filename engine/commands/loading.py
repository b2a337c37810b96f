"""A cold load reads a short stream in one query, and a long stream from a snapshot and its newest events."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from engine.commands.stream_state import StreamState
from engine.deciding.aggregate import Aggregate, SnapshotFormat
from engine.errors import AdapterError
from engine.storing.codec import EventCodec
from engine.storing.events import StoredEvent
from engine.storing.port import EventStore
from engine.storing.snapshots import Snapshot, SnapshotStore

NEWEST: Final = 100
"""A load reads this many events along with the snapshot: twice as many as lie between two snapshots."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Loaded:
    """Holds the state of a stream and the events that were read for it; `whole` if the replica showed no others."""

    state: StreamState[Any]
    events: Sequence[StoredEvent]
    whole: bool


@dataclass(frozen=True, slots=True)
class Loader:
    store: EventStore
    snapshots: SnapshotStore
    codec: EventCodec

    async def load(self, aggregate: Aggregate[Any, Any, Any], stream_id: str, *, trust_snapshot: bool = True) -> Loaded:
        """Returns the state of the stream.

        It takes at most two sequential round trips while the snapshot lags by less than `NEWEST` events. Raises as the
        event store and the event codec do; an error of the snapshot store is only logged.
        """
        if aggregate.snapshots is None or not trust_snapshot:
            return await self._from_the_beginning(aggregate, stream_id)
        snapshot, newest = await asyncio.gather(
            self._snapshot(stream_id, aggregate.snapshots), self.store.newest(stream_id, NEWEST)
        )
        if _is_whole(newest):
            return self._folded_on(aggregate, StreamState(aggregate.decider.initial), newest, whole=True)
        start = None if snapshot is None else _state_of(snapshot, aggregate.snapshots)
        if snapshot is None or start is None:
            return await self._from_the_beginning(aggregate, stream_id)
        events = newest if _bears_out(snapshot, newest) else await self.store.read(stream_id, snapshot.version - 1)
        if not _bears_out(snapshot, events):
            # The store was restored to a time before the snapshot, or the replica lags: the events decide.
            return await self._from_the_beginning(aggregate, stream_id)
        following = [event for event in events if event.version > snapshot.version]
        return self._folded_on(aggregate, start, following, whole=False)

    async def keep(self, aggregate: Aggregate[Any, Any, Any], stream_id: str, state: StreamState[Any]) -> None:
        """Writes a snapshot if the aggregate has any.

        A failure is only logged: the next load is slower, and still right.
        """
        if aggregate.snapshots is None:
            return
        snapshot = Snapshot(
            stream_id,
            aggregate.snapshots.fold,
            state.version,
            state.event_id,
            state.occurred_at,
            state.event_type,
            aggregate.snapshots.to_data(state.state),
        )
        try:
            await self.snapshots.write(snapshot)
        except AdapterError as error:
            _log.info("the snapshot of stream %s at version %d was not written: %s", stream_id, state.version, error)

    async def _snapshot(self, stream_id: str, snapshots: SnapshotFormat[Any]) -> Snapshot | None:
        try:
            return await self.snapshots.read(stream_id, snapshots.fold)
        except AdapterError as error:
            _log.info("the snapshot of stream %s was not read: %s", stream_id, error)
            return None

    async def _from_the_beginning(self, aggregate: Aggregate[Any, Any, Any], stream_id: str) -> Loaded:
        events = await self.store.read(stream_id)
        return self._folded_on(aggregate, StreamState(aggregate.decider.initial), events, whole=True)

    def _folded_on(
        self,
        aggregate: Aggregate[Any, Any, Any],
        start: StreamState[Any],
        events: Sequence[StoredEvent],
        *,
        whole: bool,
    ) -> Loaded:
        return Loaded(start.then(aggregate, self.codec, events), events, whole)


def _is_whole(newest: Sequence[StoredEvent]) -> bool:
    return len(newest) < NEWEST and [event.version for event in newest] == list(range(1, len(newest) + 1))


def _bears_out(snapshot: Snapshot, events: Sequence[StoredEvent]) -> bool:
    """Returns whether `events` has the event that the snapshot was folded to, and all after it without a gap."""
    from_there = [event for event in events if event.version >= snapshot.version]
    return (
        bool(from_there)
        and from_there[0].metadata.event_id == snapshot.event_id
        and [event.version for event in from_there] == list(range(snapshot.version, snapshot.version + len(from_there)))
    )


def _state_of(snapshot: Snapshot, format_: SnapshotFormat[Any]) -> StreamState[Any] | None:
    """Returns the state in the snapshot; None for data that cannot be read, since the events are there."""
    try:
        state = format_.from_data(snapshot.state)
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
    return StreamState(state, snapshot.version, snapshot.event_id, snapshot.occurred_at, snapshot.event_type)
