"""Queries answer with views, which catch up from the stream where they lag, and with the events of streams."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Generic, TypeVar

from engine.commands.errors import PreconditionFailed, UnknownStream
from engine.errors import Unavailable
from engine.projecting.port import ViewStore
from engine.projecting.projection import Projection, stream_of_key
from engine.storing.codec import EventCodec
from engine.storing.events import RecordedEvent, StoredEvent
from engine.storing.port import EventStore

V = TypeVar("V")

_ATTEMPTS: Final = 3


@dataclass(frozen=True, slots=True)
class Seen(Generic[V]):
    """Holds a view and the version of its stream that it shows."""

    view: V
    version: int


@dataclass(frozen=True, slots=True)
class Page(Generic[V]):
    """Holds one page of views. `next_below` is the sort key below which the next page begins, None on the last page."""

    views: Sequence[V]
    next_below: str | None


@dataclass(frozen=True, slots=True)
class Queries:
    store: EventStore
    codec: EventCodec
    views: ViewStore

    async def view(self, projection: Projection[V], stream_id: str, min_version: int = 0) -> Seen[V]:
        """Returns the view of a stream at `min_version` or later.

        If the stored view is behind, or missing, newer events of the stream are applied to it. Raises UnknownStream, or
        PreconditionFailed for a stream that has not reached `min_version`, once the primary replica has confirmed that,
        and Unavailable while the replicas lag.
        """
        stored = await self.views.get(projection.name, projection.key_of_stream(stream_id))
        view = None if stored is None else projection.from_document(stored.document)
        position = 0 if stored is None or view is None else stored.position
        if view is not None and position >= max(min_version, 1):
            return Seen(view, position)
        events = await self._read_up_to(min_version, stream_id, after=position)
        for event in events:
            view = projection.project(view, self.codec.decode(event))
        assert view is not None, "the stream has an event, or there was a view of it"
        return Seen(view, events[-1].version)

    async def view_at(
        self, projection: Projection[V], stream_id: str, *, version: int | None = None, time: datetime | None = None
    ) -> Seen[V]:
        """Returns the view at the past `version`, or at the past `time`, folded from the stream; else as it is shown.

        Raises UnknownStream if the stream did not exist then, or has not reached that version, and Unavailable while
        the replicas lag: unless a later event proves that none is missing, the primary replica confirms it.
        """
        for _ in range(_ATTEMPTS):
            events = await self.store.read(stream_id)
            shown = [
                event
                for event in events
                if (version is None or event.version <= version)
                and (time is None or event.metadata.occurred_at <= time)
            ]
            proven = len(shown) < len(events) or len(shown) == version
            newest = bool(shown) and version is None and time is None
            if proven or newest or await self.store.is_head(stream_id, len(events)):
                view: V | None = None
                for event in shown:
                    view = projection.project(view, self.codec.decode(event))
                if view is None or (version is not None and len(shown) != version):
                    raise UnknownStream(stream_id)
                return Seen(view, shown[-1].version)
        raise Unavailable(f"the replicas lag behind stream {stream_id}")

    async def events(self, stream_id: str, min_version: int = 0) -> Sequence[tuple[StoredEvent, RecordedEvent[Any]]]:
        """Returns every event of the stream, each as a stored and as a recorded event, up to `min_version` or later.

        Raises UnknownStream, PreconditionFailed for a stream that has not reached `min_version`, and Unavailable while
        the replicas lag.
        """
        events = await self._read_up_to(min_version, stream_id, after=0)
        return [(event, self.codec.decode(event)) for event in events]

    async def story(
        self, stream_id: str, others: Sequence[str], min_version: int = 0
    ) -> Sequence[tuple[StoredEvent, RecordedEvent[Any]]]:
        """Returns the events of a stream, as `events` does, with those of the others that are visible, by time.

        Events of one moment keep the order of their streams, and the events of each stream keep theirs. Raises as
        `events` does.
        """
        told = list(await self.events(stream_id, min_version))
        for other in others:
            told += [(event, self.codec.decode(event)) for event in await self.store.read(other)]
        return sorted(told, key=lambda each: each[0].metadata.occurred_at)

    async def page(
        self, projection: Projection[V], partition: str, sort_from: str, sort_below: str, limit: int
    ) -> Page[V]:
        """Returns at most `limit` views of a partition with `sort_from <= sortKey < sort_below`, highest first."""
        found = await self.views.page(projection.name, partition, sort_from, sort_below, limit + 1)
        shown = found[:limit]
        views = [await self._of_document(projection, document) for document in shown]
        return Page(views, shown[-1]["sortKey"] if len(found) > limit else None)

    async def _of_document(self, projection: Projection[V], document: Mapping[str, Any]) -> V:
        view = projection.from_document(document)
        if view is None:
            view = (await self.view_at(projection, stream_of_key(document["id"]))).view
        return view

    async def _read_up_to(self, min_version: int, stream_id: str, *, after: int) -> Sequence[StoredEvent]:
        """Returns the events above version `after`: one at least, and up to `min_version` or later.

        Raises UnknownStream and PreconditionFailed once the primary replica has confirmed them, and Unavailable while
        the replicas lag.
        """
        wanted = max(min_version, 1)
        for _ in range(_ATTEMPTS):
            events = await self.store.read(stream_id, after)
            reached = after + len(events)
            if reached >= wanted:
                return events
            if await self.store.is_head(stream_id, wanted - 1):
                if reached == 0:
                    raise UnknownStream(stream_id)
                raise PreconditionFailed(min_version, reached)
        raise Unavailable(f"the replicas lag behind stream {stream_id}")
