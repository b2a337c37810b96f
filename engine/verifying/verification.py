"""A verification reads every event and every view once, while the service goes on, and writes nothing but its spill.

First it asks how far the consumers have come, then it reads the events, then the views. So a view that lacks an event
which its consumer had handled before is wrong, and one that is merely behind is not. A view is compared with the fold
of its stream up to the view's own position.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from engine.consuming.feed.port import EventFeed
from engine.consuming.health import BEHIND_FROM
from engine.consuming.lag import Lags, PartitionLag
from engine.consuming.parked.port import ParkedStore
from engine.deciding.process import Process
from engine.projecting.counting.rollup import Rollup
from engine.projecting.port import ViewStore
from engine.projecting.projection import Projection, stream_of_key
from engine.reacting.relay import CONSUMER
from engine.storing.codec import EventCodec
from engine.storing.errors import UndecodableEvent
from engine.storing.items import to_item
from engine.storing.pages import pages
from engine.storing.port import EventStore
from engine.verifying.counts import CountCheck
from engine.verifying.findings import Finding, Found
from engine.verifying.spill import Spill
from engine.verifying.stream import Fold, StreamFold, folds_of
from engine.verifying.walk import Items, Rate, Report, Walk

_MARGIN: Final = 60.0
"""Seconds by which clocks and replicas may differ."""

_VERSION: Final = re.compile(r"\d{10}", re.ASCII)
_NAMED: Final = 20


@dataclass(frozen=True, slots=True)
class Verification:
    """`consumers` maps each consumer to the name as which it parks; `unended_after` is for processes."""

    feed: EventFeed
    store: EventStore
    codec: EventCodec
    views: ViewStore
    parked: ParkedStore
    projections: Sequence[Projection[Any]]
    rollups: Sequence[Rollup]
    processes: Sequence[Process[Any, Any, Any]]
    consumers: Mapping[str, str]
    followers: Sequence[str]
    unended_after: timedelta
    clock: Callable[[], datetime]
    rate: Rate

    async def run(self, spill: Spill, found: Found, report: Report) -> None:
        """Tells `found` of each finding, and `report` how far it is.

        Raises Unavailable and AccessRefused; with the same spill, it goes on where it failed.
        """
        now = self.clock()
        lags = await Lags(self.feed).of(self.followers, now)
        parked = {name: await self.parked.sessions(parks_as) for name, parks_as in self.consumers.items()}
        alone = {name: len(await self.parked.alone(parks_as)) for name, parks_as in self.consumers.items()}
        _of_lags(lags, found)
        _of_parked(parked, alone, found)
        walk, until = Walk(spill, self.rate, report), now.timestamp()
        await walk.through("events", self.feed, until, lambda items: _keep_events(spill, items))
        for projection in self.projections:
            keep = _keeper(spill, projection)
            await walk.through(projection.consumer, self.views.changes(projection.name), until, keep)
        counts = [CountCheck(rollup, spill, found) for rollup in self.rollups]
        for check in counts:
            await walk.through(check.rollup.consumer, self.views.changes(check.rollup.name), until, check.keep)
        await self._read_what_views_have_seen(spill)
        for finding in spill.findings():
            found(finding)
        handled = _handled_before(lags, now.timestamp())
        unended_before, total = (now - self.unended_after).timestamp(), spill.count()
        for number, stream_id in enumerate(spill.streams(), start=1):
            parking = {name for name, streams in parked.items() if stream_id in streams}
            its_handled = {name: before for name, before in handled.items() if name not in parking}
            await self._check(spill, stream_id, counts, its_handled, unended_before, found)
            if number % 100 == 0 or number == total:
                report("streams", number, total)
        for check in counts:
            check.end()

    async def _read_what_views_have_seen(self, spill: Spill) -> None:
        """Reads the events of views that were written after their events were walked by."""
        for stream_id, known, seen in spill.views_ahead():
            try:
                async for page in pages(self.store, stream_id, known, seen):
                    written = int(self.clock().timestamp())
                    spill.keep_events((stream_id, each.version, written, to_item(each)) for each in page)
            except UndecodableEvent as error:
                spill.keep_finding(Finding("undecodable", str(error), stream_id))

    async def _check(
        self,
        spill: Spill,
        stream_id: str,
        counts: Sequence[CountCheck],
        handled: Mapping[str, float],
        unended_before: float,
        found: Found,
    ) -> None:
        views = spill.views(stream_id)
        process = next((each for each in self.processes if stream_id.startswith(f"{each.aggregate.category}-")), None)
        counting = [check.fold(stream_id) for check in counts if check.rollup.follows(stream_id)]
        folds: list[Fold] = [*folds_of(self.projections, views, stream_id, found), *counting]
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


def _keeper(spill: Spill, projection: Projection[Any]) -> Callable[[Items], None]:
    """Returns what keeps the documents of this generation of a read model; those of another one are left out."""

    def keep(items: Items) -> None:
        spill.keep_views(
            (
                stream_of_key(item["id"]) or item["id"],
                projection.consumer,
                str(item.get(projection.partition_key)),
                item["position"] if type(item.get("position")) is int else 0,
                _without_system_properties(item),
            )
            for item in items
            if item["id"].partition("~")[0] == str(projection.generation) or "~" not in item["id"]
        )

    return keep


def _without_system_properties(item: Mapping[str, Any]) -> Mapping[str, Any]:
    return {name: value for name, value in item.items() if name[:1] != "_"}


def _handled_before(lags: Sequence[PartitionLag], now: float) -> Mapping[str, float]:
    """Returns the time before which each consumer has handled all that was written; none where a lease is missing."""
    unknown = {lag.consumer for lag in lags if lag.seconds is None}
    behind: dict[str, float] = {}
    for lag in lags:
        behind[lag.consumer] = max(behind.get(lag.consumer, 0.0), lag.seconds or 0.0)
    return {name: now - seconds - _MARGIN for name, seconds in behind.items() if name not in unknown}


def _of_lags(lags: Sequence[PartitionLag], found: Found) -> None:
    for lag in lags:
        if lag.state == "missing":
            found(Finding("no-lease", f"nobody follows partition {lag.partition}", consumer=lag.consumer))
        if lag.consumer == CONSUMER and (lag.seconds or 0) >= BEHIND_FROM:
            text = f"{lag.documents} appends of partition {lag.partition} wait, the first for {lag.seconds:.0f} seconds"
            found(Finding("relay-behind", text, consumer=lag.consumer))


def _of_parked(parked: Mapping[str, frozenset[str]], alone: Mapping[str, int], found: Found) -> None:
    for name, streams in parked.items():
        if streams:
            more = ", …" if len(streams) > _NAMED else ""
            text = f"{len(streams)} streams: {', '.join(sorted(streams)[:_NAMED])}{more}"
            found(Finding("parked", text, consumer=name))
        if alone[name]:
            found(Finding("parked", f"messages that are parked alone: {alone[name]}", consumer=name))
