"""A verification reads every event and every view once, while the service goes on, and writes nothing but its spill.

First it asks how far the consumers have come, then it reads the events, then the views and sums. So a view that lacks
an event which its consumer had handled before is wrong, and one that is merely behind is not. A view is compared with
the fold of its stream up to the view's own position, and sums with what the events add that have a marker.
"""

import json
import re
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, TypeVar

from engine.consuming.feed.port import EventFeed
from engine.consuming.health import BEHIND_FROM
from engine.consuming.lag import Lags, PartitionLag
from engine.consuming.parked.port import ParkedStore
from engine.consuming.parked_streams.port import ParkedStreams
from engine.deciding.process import Process
from engine.projecting.counting.port import RollupStore
from engine.projecting.counting.rollup import Rollup
from engine.projecting.port import ViewStore
from engine.projecting.projection import Projection, stream_of_key
from engine.projecting.query import AnyProjection
from engine.reacting.relay import CONSUMER
from engine.storing.codec import EventCodec
from engine.storing.errors import UndecodableEvent
from engine.storing.items import to_item
from engine.storing.pages import pages
from engine.storing.port import EventStore
from engine.verifying.findings import Finding, Found
from engine.verifying.spill import Spill
from engine.verifying.stream import StreamFold, folds_of
from engine.verifying.sums import check_sums, keep_sums
from engine.verifying.walk import Items, Report, Walk

P = TypeVar("P", Projection[Any], Rollup)

_MARGIN: Final = 60.0
"""Seconds by which clocks and replicas may differ."""

_VERSION: Final = re.compile(r"\d{10}", re.ASCII)
_NAMED: Final = 20


@dataclass(frozen=True, slots=True)
class Verification:
    """`projections` are the generations that are written; those of the consumers `building` are not whole yet.

    `followers` maps who follows the feed, as its leases name it, to its consumers, `receivers` are those of the bus;
    `unended_after` is for processes, and `room()` returns when there is room for a request.
    """

    feed: EventFeed
    store: EventStore
    codec: EventCodec
    views: ViewStore
    rollups: RollupStore
    parked: ParkedStore
    parked_streams: ParkedStreams
    projections: Sequence[AnyProjection]
    building: Collection[str]
    processes: Sequence[Process[Any, Any, Any]]
    followers: Mapping[str, Sequence[str]]
    receivers: Collection[str]
    unended_after: timedelta
    clock: Callable[[], datetime]
    room: Callable[[], Awaitable[None]]

    async def run(self, spill: Spill, found: Found, report: Report) -> None:
        """Tells `found` of each finding, and `report` how far it is.

        Raises Unavailable and AccessRefused; with the same spill, it goes on where it failed.
        """
        now = self.clock()
        lags = await Lags(self.feed).of(self.followers, now)
        parked = {
            consumer: (await self.parked_streams.index(consumer)).stream_ids
            for consumers in self.followers.values()
            for consumer in consumers
        }
        _of_lags(lags, found)
        _of_parked("stream", parked, found)
        _of_parked("session", {name: await self.parked.sessions(name) for name in self.receivers}, found)
        alone = {name: frozenset(each.key for each in await self.parked.alone(name)) for name in self.receivers}
        _of_parked("message", alone, found)
        walk, until = Walk(spill, self.room, report), now.timestamp()
        await walk.through("events", self.feed, until, lambda items: _keep_events(spill, items))
        for name, projections in _by_name(self.projections, Projection).items():
            keep = partial(_keep_views, spill, projections)
            await walk.through(_consumers(projections), self.views.changes(name), until, keep)
        for name, rollups in _by_name(self.projections, Rollup).items():
            keep = partial(keep_sums, spill, rollups)
            await walk.through(_consumers(rollups), self.rollups.changes(name), until, keep)
        await self._read_what_read_models_have_seen(spill)
        for finding in spill.findings():
            found(finding)
        handled = self._handled_before(lags, now.timestamp())
        unended_before, total = (now - self.unended_after).timestamp(), spill.count()
        for number, stream_id in enumerate(spill.streams(), start=1):
            its_handled = {name: before for name, before in handled.items() if stream_id not in parked[name]}
            await self._check(spill, stream_id, its_handled, unended_before, found)
            if number % 100 == 0 or number == total:
                report("streams", number, total)
        await check_sums(spill, self.rollups, found)

    async def _read_what_read_models_have_seen(self, spill: Spill) -> None:
        """Reads the events of views and markers that were written after their events were walked by."""
        for stream_id, known, seen in spill.streams_ahead():
            try:
                async for page in pages(self.store, stream_id, known, seen):
                    written = int(self.clock().timestamp())
                    spill.keep_events((stream_id, each.version, written, to_item(each)) for each in page)
            except UndecodableEvent as error:
                spill.keep_finding(Finding("undecodable", str(error), stream_id))

    def _handled_before(self, lags: Sequence[PartitionLag], now: float) -> Mapping[str, float]:
        """Returns the time before which each consumer has handled all that was written.

        None is known where a lease is missing, or of what is being built.
        """
        unknown = {lag.consumer for lag in lags if lag.seconds is None}
        behind: dict[str, float] = {}
        for lag in lags:
            behind[lag.consumer] = max(behind.get(lag.consumer, 0.0), lag.seconds or 0.0)
        return {
            consumer: now - seconds - _MARGIN
            for name, seconds in behind.items()
            for consumer in self.followers[name]
            if name not in unknown and consumer not in self.building
        }

    async def _check(
        self, spill: Spill, stream_id: str, handled: Mapping[str, float], unended_before: float, found: Found
    ) -> None:
        views = spill.views(stream_id)
        process = next((each for each in self.processes if stream_id.startswith(f"{each.aggregate.category}-")), None)
        followed = [each for each in self.projections if each.follows(stream_id)]
        folds = folds_of(followed, views, spill, found)
        stream = StreamFold(stream_id, self.codec, folds, process, found)
        for version, written, item in spill.events(stream_id):
            if version != stream.version + 1:
                await self._gap(stream, version)
            stream.apply(version, written, item)
        if stream.version == 0:
            for consumer, _, _ in views:
                found(Finding("view-without-stream", "there are no events of this view", stream_id, consumer))
            return
        stream.end(handled, unended_before)
        if stream.broken:
            for each in followed:
                spill.leave_out(each.consumer, stream_id)

    async def _gap(self, stream: StreamFold, version: int) -> None:
        """Asks the primary replica about what the feed did not bring.

        An event that somebody rewrites meanwhile is brought later than those behind it.
        """
        while stream.version + 1 < version:
            missing = stream.version + 1
            if await self.store.is_head(stream.stream_id, stream.version):
                stream.gap(missing, version - 1)
                return
            for event in await self.store.read(stream.stream_id, stream.version, 1):
                stream.apply(event.version, int(self.clock().timestamp()), json.dumps(to_item(event)))


def _by_name(projections: Iterable[AnyProjection], kind: type[P]) -> Mapping[str, Sequence[P]]:
    """Returns those of one kind by read model, which has a container for all of its generations."""
    found: dict[str, list[P]] = {}
    for each in projections:
        if isinstance(each, kind):
            found.setdefault(each.name, []).append(each)
    return found


def _consumers(projections: Iterable[AnyProjection]) -> str:
    return " ".join(each.consumer for each in projections)


def _keep_events(spill: Spill, items: Items) -> None:
    events = []
    for item in items:
        item_id, stream_id = item.get("id"), item.get("streamId")
        if isinstance(stream_id, str) and isinstance(item_id, str) and _VERSION.fullmatch(item_id):
            events.append((stream_id, int(item_id), item["_ts"], _without_system_properties(item)))
            continue
        if type(item.get("version")) is int:
            text = f"item {item_id!r} says that it is version {item['version']}, whose item has another id"
            spill.keep_finding(Finding("fork", text, str(stream_id)))
        else:
            spill.keep_finding(Finding("no-event", f"item {item_id!r} is no event", str(stream_id)))
    spill.keep_events(events)


def _keep_views(spill: Spill, generations: Sequence[Projection[Any]], items: Items) -> None:
    """Keeps the documents of these generations of a read model; those of another one are left out.

    What has no generation counts as a document of the first one.
    """
    by_prefix = {"": generations[0], **{str(each.generation): each for each in generations}}
    views = list[tuple[str, str, str, int, Mapping[str, Any]]]()
    for item in items:
        prefix = item["id"].partition("~")[0] if "~" in item["id"] else ""
        if (projection := by_prefix.get(prefix)) is not None:
            partition, position = str(item.get(projection.partition_key)), item.get("position")
            seen = position if type(position) is int else 0
            document = _without_system_properties(item)
            views.append((stream_of_key(item["id"]) or item["id"], projection.consumer, partition, seen, document))
    spill.keep_views(views)


def _without_system_properties(item: Mapping[str, Any]) -> Mapping[str, Any]:
    return {name: value for name, value in item.items() if name[:1] != "_"}


def _of_lags(lags: Sequence[PartitionLag], found: Found) -> None:
    for lag in lags:
        if lag.state == "missing":
            found(Finding("no-lease", f"nobody follows partition {lag.partition}", consumer=lag.consumer))
        if lag.consumer == CONSUMER and (lag.seconds or 0) >= BEHIND_FROM:
            text = f"{lag.documents} appends of partition {lag.partition} wait, the first for {lag.seconds:.0f} seconds"
            found(Finding("relay-behind", text, consumer=lag.consumer))


def _of_parked(what: str, parked: Mapping[str, frozenset[str]], found: Found) -> None:
    for consumer, names in parked.items():
        if names:
            more = ", …" if len(names) > _NAMED else ""
            text = f"{len(names)} {what}{'s' * (len(names) != 1)}: {', '.join(sorted(names)[:_NAMED])}{more}"
            found(Finding("parked", text, consumer=consumer))
