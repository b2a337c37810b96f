"""Parking puts a stream aside, for one consumer of the change feed, when one of its events cannot be handled.

The other streams go on. Later events of the stream are skipped, which the store of parked streams remembers, until a
release has handled them in their order.
"""

import logging
import traceback
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from engine.consuming.defects import RecentFailures
from engine.consuming.errors import TransientFailure, explained
from engine.consuming.feed_items import version_of
from engine.consuming.parked.known import KEPT_FOR
from engine.consuming.parked_streams.port import NOTHING_KNOWN, Index, ParkedStream, ParkedStreams, Why
from engine.storing.errors import HoleInStream, NewerEvent

HOLE_LASTS: Final = timedelta(seconds=60)
"""A replica that lags shows a missing event within this time. After it, the stream is parked as one with a gap."""

_HOLE_FORGOTTEN: Final = 5 * HOLE_LASTS
_LONGEST_ERROR: Final = 2_000
_LONGEST_TRACE: Final = 20_000

_log = logging.getLogger(__name__)


class Defect(TransientFailure):
    """Is raised when many streams fail alike: the batch is tried again, until a build without the defect comes."""


@dataclass(slots=True)
class _Known:
    """Is what this process knows of one consumer; `since` says since when it has known of each parked stream."""

    read_at: float = -KEPT_FOR
    index: Index = NOTHING_KNOWN
    since: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Parking:
    """Serves all consumers of the feed in this process; remembers for `KEPT_FOR` seconds which streams are parked."""

    store: ParkedStreams
    clock: Callable[[], datetime]
    monotonic: Callable[[], float]
    _known: defaultdict[str, _Known] = field(default_factory=lambda: defaultdict(_Known), init=False)
    _holes: dict[tuple[str, str], datetime] = field(default_factory=dict, init=False)
    _recent: defaultdict[str, RecentFailures] = field(default_factory=lambda: defaultdict(RecentFailures), init=False)

    async def parked(self, consumer: str, *, never_overtakes: bool) -> Collection[str]:
        """Returns the ids of the parked streams as this process knows them, which takes one read at most.

        For one that `never_overtakes`, the primary replica answers; see `FeedRunner.run` for why that is new enough.
        Raises AdapterError.
        """
        asked_at, known = self.monotonic(), self._known[consumer]
        if asked_at - known.read_at >= KEPT_FOR:
            read = self.store.index(consumer) if never_overtakes else self.store.index_since(consumer, known.index)
            index = await read
            since = {each: known.since.get(each, asked_at) for each in index.stream_ids}
            known.read_at, known.index, known.since = asked_at, index, since
        return known.index.stream_ids

    def news(self, consumer: str, stream_ids: Iterable[str]) -> float:
        """Returns for how many seconds it may be news to another process that one of these streams is parked."""
        since = self._known[consumer].since
        latest = max((since[each] for each in stream_ids if each in since), default=-KEPT_FOR)
        return max(latest + KEPT_FOR - self.monotonic(), 0.0)

    async def skip(self, consumer: str, stream_id: str, items: Sequence[Mapping[str, Any]]) -> bool:
        """Leaves the items to a release; returns False if the stream is free by now. Raises AdapterError."""
        return await self.store.skip(consumer, stream_id, max(map(version_of, items)))

    def still_a_hole(self, consumer: str, stream_id: str) -> bool:
        """Returns whether the hole that was met now may still be filled; if not, it is a gap."""
        now, key = self.clock(), (consumer, stream_id)
        for each in [each for each, since in self._holes.items() if now - since > _HOLE_FORGOTTEN]:
            del self._holes[each]
        return now - self._holes.setdefault(key, now) < HOLE_LASTS

    def handled(self, consumer: str, stream_id: str) -> None:
        self._holes.pop((consumer, stream_id), None)

    async def park(self, consumer: str, handled: int, streams: Sequence[ParkedStream]) -> Sequence[Defect]:
        """Parks these streams out of a batch of `handled` ones, but for those that fail by a defect of this build.

        Returns the defects. Raises AdapterError and TooManyStreams; those parked before stay so.
        """
        failed = [(each.kind, each.stream_id) for each in streams if each.why == "failed"]
        kinds = self._recent[consumer].add(self.clock(), handled, failed)
        for each in streams:
            if each.why == "failed" and each.kind in kinds:
                continue
            # In every deployment, old builds meet newer events: no operator has to act.
            log = _log.error if each.waits_for_an_operator else _log.warning
            log("%s parks stream %s at event %s: %s", consumer, each.stream_id, each.version or "?", each.kind)
            await self.store.park(consumer, each)
            known = self._known[consumer]
            known.since[each.stream_id], known.read_at = self.monotonic(), -KEPT_FOR
            self.handled(consumer, each.stream_id)
        found = {each.kind: each for each in streams if each.why == "failed" and each.kind in kinds}
        if found:
            await self._leave_to_the_next_build(consumer, found)
        return [
            Defect(f"{consumer} fails alike on many streams, which is a defect of this build: {kind}") for kind in found
        ]

    async def _leave_to_the_next_build(self, consumer: str, kinds: Collection[str]) -> None:
        """Marks those that were parked before it was known that many fail alike."""
        for each in await self.store.all(consumer):
            if each.kind in kinds and each.waits_for_an_operator:
                parked = await self.store.get(consumer, each.stream_id)
                if parked is not None:
                    await self.store.replace(consumer, replace(parked, automatic=True))


def unhandled(
    stream_id: str, items: Sequence[Mapping[str, Any]], error: Exception, attempts: int, at: datetime
) -> ParkedStream:
    """Returns how the stream waits, whose items cannot be handled."""
    versions = [each for each in map(version_of, items) if each]
    version: int = getattr(error, "version", 0) or max(versions, default=0)
    types = [str(item.get("type", "")) for item in items if version_of(item) == version]
    why: Why = "failed"
    kind = _kind(error)
    if isinstance(error, HoleInStream):
        why = "gap"
    elif isinstance(error, NewerEvent):
        why, kind, types = "newer", f"{error.type} of schema {error.schema}", [error.type]
    return ParkedStream(
        stream_id=stream_id,
        first=min(versions, default=1),
        seen=max(versions, default=0),
        version=version,
        type=types[0][:_LONGEST_ERROR] if types else "",
        why=why,
        kind=kind[:_LONGEST_ERROR],
        error=explained(error)[:_LONGEST_ERROR],
        trace="".join(traceback.format_exception(error))[-_LONGEST_TRACE:],
        attempts=attempts,
        at=at,
    )


def _kind(error: BaseException) -> str:
    """Returns the type of the first cause, and the function that raised it."""
    while error.__cause__ is not None:
        error = error.__cause__
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    where = f"{frames[-1].f_globals.get('__name__')}.{frames[-1].f_code.co_name}" if frames else "nowhere"
    return f"{type(error).__name__} in {where}"
