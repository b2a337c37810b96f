"""Queries answer with views, which catch up from the stream where they lag, and with the events of streams."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Generic, TypeVar

from engine.commands.errors import PreconditionFailed, UnknownStream
from engine.errors import Unavailable
from engine.projecting.port import ViewStore
from engine.projecting.projection import Projection, stream_of_key, view_key
from engine.storing.codec import EventCodec
from engine.storing.events import StoredEvent
from engine.storing.pages import insist, pages
from engine.storing.port import EventStore
from engine.turns import in_turns

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
class EventPage:
    """Holds one page of the events of one or more streams, and whether there are more."""

    events: Sequence[StoredEvent]
    more: bool


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
        wanted = max(min_version, 1)
        for _ in range(_ATTEMPTS):
            async for page in pages(self.store, stream_id, position):
                async for event in in_turns(page):
                    view = projection.project(view, self.codec.decode(event))
                position = page[-1].version
            if position >= wanted:
                assert view is not None, "the stream has an event, or there was a view of it"
                return Seen(view, position)
            await self._confirm_behind(stream_id, position, wanted)
        raise _lagging(stream_id)

    async def view_at(
        self, projection: Projection[V], stream_id: str, *, version: int | None = None, time: datetime | None = None
    ) -> Seen[V]:
        """Returns the view at the past `version`, or at the past `time`, folded from the stream; else as it is shown.

        Raises UnknownStream if the stream did not exist then, or has not reached that version, and Unavailable while
        the replicas lag: unless a later event proves that none is missing, the primary replica confirms it.
        """
        for _ in range(_ATTEMPTS):
            view: V | None = None
            position, passed = 0, False
            async for page in pages(self.store, stream_id, 0):
                shown = [
                    event
                    for event in page
                    if (version is None or event.version <= version)
                    and (time is None or event.metadata.occurred_at <= time)
                ]
                async for event in in_turns(shown):
                    view, position = projection.project(view, self.codec.decode(event)), event.version
                if passed := len(shown) < len(page):
                    break
            newest = view is not None and version is None and time is None
            if passed or position == version or newest or await self.store.is_head(stream_id, position):
                if view is None or (version is not None and position != version):
                    raise UnknownStream(stream_id)
                return Seen(view, position)
        raise _lagging(stream_id)

    async def events(self, after: Mapping[str, int], limit: int, min_version: int = 0) -> EventPage:
        """Returns the next events of these streams after the versions in `after`, by time, `limit` of them at most.

        Events of one moment keep the order of their streams, and the events of each stream keep theirs. The last page
        shows the first stream at `min_version` or later. Raises UnknownStream and PreconditionFailed for the first
        stream, once the primary replica has confirmed that, and Unavailable while the replicas lag.
        """
        (first, version), *others = after.items()
        found = list(await self._page_up_to(min_version, first, version, limit + 1))
        for stream_id, version in others:
            found += await self._page(stream_id, version, limit + 1)
        found.sort(key=lambda event: event.metadata.occurred_at)
        return EventPage(found[:limit], len(found) > limit)

    async def page(
        self, projection: Projection[V], partition: str, sort_from: str, sort_below: str, limit: int
    ) -> Page[V]:
        """Returns at most `limit` views of a partition with `sort_from <= sortKey < sort_below`, highest first."""
        found = await self.views.page(projection.name, partition, sort_from, sort_below, limit + 1)
        shown = found[:limit]
        views = [await self._of_document(projection, document) for document in shown]
        return Page(views, shown[-1]["sortKey"] if len(found) > limit else None)

    async def count(self, projection: Projection[V], path: str, value: str) -> int:
        """Returns how many views of the projection have `value` at `path`, one of those that it has indexed.

        Views that lag are counted as they are.
        """
        assert path in projection.indexed, f"{projection.name} has no index of {path}: every view would be read"
        return await self.views.count(projection.name, view_key(projection.generation, ""), path, value)

    async def _of_document(self, projection: Projection[V], document: Mapping[str, Any]) -> V:
        view = projection.from_document(document)
        if view is None:
            view = (await self.view_at(projection, stream_of_key(document["id"]))).view
        return view

    async def _page_up_to(self, min_version: int, stream_id: str, after: int, limit: int) -> Sequence[StoredEvent]:
        wanted = max(min_version, 1)
        for _ in range(_ATTEMPTS):
            page = await self._page(stream_id, after, limit)
            if len(page) == limit or after + len(page) >= wanted:
                return page
            await self._confirm_behind(stream_id, after + len(page), wanted)
        raise _lagging(stream_id)

    async def _page(self, stream_id: str, after: int, limit: int) -> Sequence[StoredEvent]:
        return await insist(lambda: self.store.read(stream_id, after, limit))

    async def _confirm_behind(self, stream_id: str, reached: int, wanted: int) -> None:
        """Raises UnknownStream or PreconditionFailed if the primary replica has no event `wanted` either."""
        if await self.store.is_head(stream_id, wanted - 1):
            raise PreconditionFailed(wanted, reached) if reached else UnknownStream(stream_id)


def _lagging(stream_id: str) -> Unavailable:
    return Unavailable(f"the replicas lag behind stream {stream_id}")
