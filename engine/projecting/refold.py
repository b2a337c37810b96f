"""A refold makes the views of one stream afresh, once its events were rewritten in place.

The change feed brings a rewritten event again, but a view has seen its version and skips it. And where the event says
another partition now, the feed makes a view there, while the one in the partition from before stays.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from engine.commands.errors import UnknownStream
from engine.consuming.errors import PermanentFailure, TransientFailure
from engine.projecting.port import ViewConflict, ViewKey, ViewStore
from engine.projecting.projection import Projection
from engine.projecting.projector import applied
from engine.storing.codec import EventCodec
from engine.storing.events import RecordedEvent
from engine.storing.pages import pages
from engine.storing.port import EventStore
from engine.storing.snapshots import SnapshotStore
from engine.turns import in_turns

_MAX_CONFLICTS: Final = 10


@dataclass(frozen=True, slots=True)
class Refolded:
    """Says what a generation shows of the stream now, and how many views of other partitions were deleted."""

    read_model: str
    generation: int
    version: int
    deleted: int


@dataclass(frozen=True, slots=True)
class Refold:
    """It is safe to interrupt, to repeat, and to run while projectors run."""

    store: EventStore
    snapshots: SnapshotStore
    codec: EventCodec
    views: ViewStore

    async def stream(self, projections: Iterable[Projection[Any]], stream_id: str) -> Sequence[Refolded]:
        """Makes the view of the stream afresh in each read model that follows it, and deletes the stream's snapshots.

        Raises UnknownStream; PermanentFailure when the events do not apply, or do not all say the same partition;
        TransientFailure while others keep writing a view; and AdapterError.
        """
        followers = [projection for projection in projections if projection.follows(stream_id)]
        refolded = [await self._refolded(projection, stream_id) for projection in followers]
        if await self.store.is_head(stream_id, 0):
            raise UnknownStream(stream_id)
        await self.snapshots.delete(stream_id)
        return refolded

    async def _refolded(self, projection: Projection[Any], stream_id: str) -> Refolded:
        for _ in range(_MAX_CONFLICTS):
            try:
                return await self._replaced(projection, stream_id)
            except ViewConflict:
                continue
        raise TransientFailure(f"{projection.consumer}: others keep writing the view of {stream_id}")

    async def _replaced(self, projection: Projection[Any], stream_id: str) -> Refolded:
        key, version, view = ViewKey("", ""), 0, None
        async for event in self._events(stream_id):
            if version and projection.key(event) != key:
                reason = f"event {event.version} says another partition than event 1: it is to be rewritten too"
                raise PermanentFailure(projection.consumer, stream_id, reason)
            key, version, view = projection.key(event), event.version, applied(projection, view, event)
        stored = await self.views.get(projection.name, key)
        if stored is not None and stored.position > version:
            raise ViewConflict(f"the view of {stream_id} has seen more than was read")
        document = projection.to_document(key, version, view)
        await self.views.put(projection.name, key, document, None if stored is None else stored.etag)
        found = [
            ViewKey(each.document["id"], each.document[projection.partition_key])
            for each in await self.views.find(projection.name, key.id)
        ]
        others = [each for each in found if each != key]
        for other in others:
            await self.views.delete(projection.name, other)
        return Refolded(projection.name, projection.generation, version, len(others))

    async def _events(self, stream_id: str) -> AsyncIterator[RecordedEvent[Any]]:
        # The primary replica answers this, and the read that follows sees what it has seen.
        if await self.store.is_head(stream_id, 0):
            raise UnknownStream(stream_id)
        async for page in pages(self.store, stream_id):
            async for event in in_turns(page):
                yield self.codec.decode(event)
