"""The events of several streams in one line of time, in which every cause comes before its effects.

Hosts have clocks of their own, so the times of events alone may show an effect before its cause.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from heapq import heappop, heappush
from typing import NamedTuple

from engine.storing.events import StoredEvent


class Told(NamedTuple):
    """Holds an event, and the event that caused it, where that is told too."""

    event: StoredEvent
    cause: StoredEvent | None


class _Head(NamedTuple):
    """Is the next event of a stream; heads are told in this order."""

    time: datetime
    stream_id: str
    version: int


def timeline(events: Iterable[StoredEvent]) -> Sequence[Told]:
    """Returns the events by time, each behind its cause, and those of each stream in their order.

    Those of one time come by the ids of their streams. No service writes events that have caused each other: of such,
    the earliest is told first.
    """
    streams: defaultdict[str, list[StoredEvent]] = defaultdict(list)
    causes: dict[str, StoredEvent] = {}
    for event in events:
        streams[event.stream_id].append(event)
        causes[event.metadata.event_id] = event
    for stream in streams.values():
        stream.sort(key=lambda each: each.version, reverse=True)
    return _Line(streams, causes).told()


class _Line:
    """Tells the earliest of the heads whose causes are told, and the next event of its stream becomes a head."""

    def __init__(self, streams: dict[str, list[StoredEvent]], causes: dict[str, StoredEvent]) -> None:
        self._streams = streams
        self._causes = causes
        self._ready: list[_Head] = []
        self._waiting: defaultdict[str, list[_Head]] = defaultdict(list)
        """Has the heads that wait for an event, by its id."""
        self._told: list[Told] = []
        self._told_ids: set[str] = set()

    def told(self) -> Sequence[Told]:
        for stream in self._streams.values():
            self._look_at(stream)
        while self._ready or self._waiting:
            if not self._ready:
                self._break_circle()
            self._tell(self._streams[heappop(self._ready).stream_id])
        return self._told

    def _tell(self, stream: list[StoredEvent]) -> None:
        event = stream.pop()
        event_id = event.metadata.event_id
        self._told.append(Told(event, self._cause(event)))
        self._told_ids.add(event_id)
        for head in self._waiting.pop(event_id, ()):
            heappush(self._ready, head)
        if stream:
            self._look_at(stream)

    def _look_at(self, stream: list[StoredEvent]) -> None:
        event = stream[-1]
        head = _Head(event.metadata.occurred_at, event.stream_id, event.version)
        cause = self._cause(event)
        if cause is None or cause.metadata.event_id in self._told_ids:
            heappush(self._ready, head)
        else:
            self._waiting[cause.metadata.event_id].append(head)

    def _cause(self, event: StoredEvent) -> StoredEvent | None:
        cause = self._causes.get(event.metadata.causation_id)
        return None if cause is event else cause

    def _break_circle(self) -> None:
        earliest, event_id = min((head, event_id) for event_id, heads in self._waiting.items() for head in heads)
        heappush(self._ready, earliest)
        self._waiting[event_id].remove(earliest)
        if not self._waiting[event_id]:
            del self._waiting[event_id]
