"""A projector applies one batch of the change feed to one read model.

The change feed keeps the order of each stream, but not inside one transaction, and it delivers events again. So the
projector sorts the events of a stream by version, skips those that the view has seen, and reads missing ones from the
store. It writes the view once per batch, with its etag, together with its position. So the effect of an event is
visible once, however often the event is delivered. A view that it wrote a moment ago is not read before it is written
again: if somebody else has written it since, the etag is another one, and the view is read then. Nor is one read whose
stream begins in the batch: if it is there, because the batch came before, it cannot be created, and is read then.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from engine.consuming.errors import PermanentFailure, TransientFailure
from engine.consuming.feed_runner import FeedConsumer, FeedRunner
from engine.consuming.host_rewrites import EventsOf, as_read, as_written
from engine.projecting.port import StoredDocument, ViewConflict, ViewStore
from engine.projecting.projection import Projection
from engine.projecting.written import WrittenViews
from engine.storing.codec import EventCodec
from engine.storing.errors import HoleInStream
from engine.storing.events import RecordedEvent, StoredEvent
from engine.storing.pages import pages
from engine.storing.port import EventStore
from engine.turns import in_turns

_MAX_CONFLICTS: Final = 10


@dataclass(frozen=True, slots=True)
class Projector:
    """Feeds read models; one instance serves every projection of the worker process."""

    store: EventStore
    codec: EventCodec
    views: ViewStore
    runner: FeedRunner
    _written: WrittenViews = field(default_factory=WrittenViews, init=False)

    async def run(self, projection: Projection[Any], items: Iterable[Mapping[str, Any]]) -> None:
        """Applies every event of the batch. Raises ConsumerError as `FeedRunner.run` does."""
        await self.runner.run(self.consumer(projection), items)

    def consumer(self, projection: Projection[Any]) -> FeedConsumer:
        """Returns what applies the events of batches that come from the Functions host."""
        return self._consumer(projection, partial(as_written, self.store))

    def walker(self, projection: Projection[Any]) -> FeedConsumer:
        """Returns what applies the events of batches that come from the store itself."""
        return self._consumer(projection, as_read)

    def _consumer(self, projection: Projection[Any], events_of: EventsOf) -> FeedConsumer:
        async def apply(stream_id: str, items: Sequence[Mapping[str, Any]]) -> None:
            await self._apply(projection, stream_id, await events_of(stream_id, items))

        return FeedConsumer(projection.consumer, projection.follows, apply)

    async def _apply(self, projection: Projection[Any], stream_id: str, events: Sequence[StoredEvent]) -> None:
        begins = events[0].version == 1
        for _ in range(_MAX_CONFLICTS):
            try:
                await self._write(projection, stream_id, events, probably_new=begins)
            except ViewConflict:
                begins = False
                continue
            return
        raise TransientFailure(f"{projection.consumer}: others keep writing the view of {stream_id}")

    async def _write(
        self, projection: Projection[Any], stream_id: str, events: Sequence[StoredEvent], *, probably_new: bool = False
    ) -> None:
        key = projection.key(self.codec.decode(events[0]))
        stored = self._written.take(projection.name, key)
        if (stored is None and not probably_new) or (stored is not None and stored.position >= events[-1].version):
            # Only the store says that there is nothing to write: it may have less than was written.
            stored = await self.views.get(projection.name, key)
        view = None if stored is None else projection.from_document(stored.document)
        position = 0 if stored is None else stored.position
        last = max(position, events[-1].version)
        if stored is not None and view is None:
            position = 0
        elif last == position:
            return
        pending = [event for event in events if event.version > position]
        if [event.version for event in pending] == list(range(position + 1, last + 1)):
            following: AsyncIterator[StoredEvent] = in_turns(pending)
        elif stored is None and events[0].version > 1 and (first := await self.store.read(stream_id, 0, 1)):
            # The first event of the stream decides where its view is, whatever a later one says.
            await self._write(projection, stream_id, [*first, *events])
            return
        else:
            following = self._from_store(stream_id, position, last)
        async for event in following:
            view = applied(projection, view, self.codec.decode(event))
        replaced = None if stored is None else stored.document
        document = projection.to_document(key, last, view, replaced)
        etag = await self.views.put(projection.name, key, document, None if stored is None else stored.etag)
        self._written.keep(projection.name, key, StoredDocument(document, etag))

    async def _from_store(self, stream_id: str, position: int, last: int) -> AsyncIterator[StoredEvent]:
        """Yields all events above `position`, up to `last`. Raises HoleInStream if the store does not show them."""
        shown = position
        async for page in pages(self.store, stream_id, position, last):
            async for event in in_turns(page):
                yield event
            shown = page[-1].version
        if shown < last:
            raise HoleInStream(f"the store does not show events {position + 1} to {last} of {stream_id} yet")


def applied(projection: Projection[Any], view: Any, event: RecordedEvent[Any]) -> Any:
    """Returns the view after the event. Raises PermanentFailure."""
    try:
        return projection.project(view, event)
    except Exception as error:
        reason = f"event {event.version} ({type(event.event).__name__}) does not apply"
        raise PermanentFailure(projection.consumer, event.stream_id, reason, event.version) from error
