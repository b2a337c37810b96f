"""The event store in memory has full semantics for tests, and a feed of commits in place of the change feed."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.errors import RequestRefused
from engine.storing.errors import HistoryLost, WrongExpectedVersion
from engine.storing.events import StoredEvent
from engine.storing.items import from_item, item_id, to_items
from engine.storing.port import MOST_STREAMS, PAGE, Appended, Head, StreamPage
from engine.storing.snapshots import Snapshot


@dataclass(frozen=True, slots=True)
class Commits:
    """Holds the items that were committed after a position, and the position to continue from."""

    items: Sequence[dict[str, Any]]
    position: int


class MemoryEventStore:
    """Implements `EventStore`. It keeps items, not objects, so that tests cover the format at rest too."""

    def __init__(self) -> None:
        self._streams: dict[str, list[dict[str, Any]]] = {}
        self._commits: list[list[dict[str, Any]]] = []
        self._strays: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)

    async def read(self, stream_id: str, after: int = 0, limit: int = PAGE) -> Sequence[StoredEvent]:
        return [from_item(item) for item in self._streams.get(stream_id, [])[after : after + limit]]

    async def newest(self, stream_id: str, count: int) -> Sequence[StoredEvent]:
        return [from_item(item) for item in self._streams.get(stream_id, [])[-count:]]

    async def look_up(self, stream_id: str, after: int, command_ids: Collection[str]) -> Sequence[StoredEvent]:
        items = self._streams.get(stream_id, [])
        prefixes = tuple(f"{each}/" for each in command_ids)
        return [
            from_item(item)
            for item in items
            if after < item["version"] <= after + PAGE or item["commandKey"].startswith(prefixes)
        ]

    async def of_commands(self, stream_id: str, command_ids: Collection[str]) -> Sequence[StoredEvent]:
        prefixes = tuple(f"{each}/" for each in command_ids)
        items = self._streams.get(stream_id, [])
        return [from_item(item) for item in items if item["commandKey"].startswith(prefixes)]

    async def streams_of(self, command_id: str) -> Sequence[str]:
        key = f"{command_id}/0"
        streams = self._streams.items()
        return [each for each, items in streams if any(item["commandKey"] == key for item in items)][:MOST_STREAMS]

    async def items(self, stream_id: str, after: str = "", limit: int = PAGE) -> Sequence[Mapping[str, Any]]:
        items = [*self._streams.get(stream_id, []), *self._strays[stream_id]]
        return sorted((item for item in items if item["id"] > after), key=lambda item: str(item["id"]))[:limit]

    async def streams(
        self, version: int, category: str | None, limit: int, continuation: str | None = None
    ) -> StreamPage:
        if continuation is not None and not continuation.isdecimal():
            raise RequestRefused("the continuation is none")
        prefix, first = "" if category is None else f"{category}-", int(continuation or 0)
        found = [
            {**{name: item[name] for name in ("streamId", "version", "type")}, "occurredAt": _time(item)}
            for stream_id, items in self._streams.items()
            if stream_id.startswith(prefix)
            for item in items
            if item["id"] == item_id(version)
        ]
        end = first + limit
        return StreamPage(found[first:end], str(end) if end < len(found) else None)

    async def is_head(self, stream_id: str, version: int) -> bool:
        return len(self._streams.get(stream_id, [])) <= version

    async def append(self, stream_id: str, expected: Head, events: Sequence[StoredEvent]) -> Appended:
        stream = self._streams.get(stream_id, [])
        items = to_items(events)
        taken = {item["commandKey"] for item in stream}
        if len(stream) < expected.version:
            raise HistoryLost(stream_id)
        if len(stream) > expected.version or any(item["commandKey"] in taken for item in items):
            raise WrongExpectedVersion(stream_id, expected.version)
        intact = expected.version == 0 or stream[-1]["metadata"]["eventId"] == expected.event_id
        self._streams[stream_id] = [*stream, *items]
        self._commits.append(items)
        return Appended(history_intact=intact)

    def commits(self, after: int = 0, until: int | None = None) -> Commits:
        """Returns what a change feed would deliver after the first `after` transactions, in the order of commits."""
        return Commits([item for items in self._commits[after:until] for item in items], len(self._commits))

    def transactions(self) -> Sequence[Sequence[Mapping[str, Any]]]:
        """Returns all that was committed, a list of items per transaction."""
        return self._commits

    def rewrite(self, stream_id: str, version: int, data: Mapping[str, Any]) -> None:
        """Replaces the data of an event in place, as somebody may do by hand; the feed brings the event again."""
        item = {**self._streams[stream_id][version - 1], "data": data}
        self._streams[stream_id][version - 1] = item
        self._commits.append([item])

    def place(self, stream_id: str, version: int, change: Mapping[str, Any], *, like: str | None = None) -> None:
        """Writes an item past the append, as a stranger may; but for `change`, it is a copy of the first of `like`."""
        (first, *_) = self._streams[like or stream_id]
        item = {**first, "id": item_id(version), "streamId": stream_id, "version": version, **change}
        self._commits.append([item])
        self._strays[str(item["streamId"])].append(item)

    def lose(self, stream_id: str, after: int) -> None:
        """Truncates the stream to version `after`, as restoring the account would."""
        self._streams[stream_id] = self._streams[stream_id][:after]


class MemorySnapshotStore:
    """Implements `SnapshotStore` in memory."""

    def __init__(self) -> None:
        self._snapshots: dict[tuple[str, int], Snapshot] = {}

    async def read(self, stream_id: str, fold: int) -> Snapshot | None:
        return self._snapshots.get((stream_id, fold))

    async def write(self, snapshot: Snapshot) -> None:
        self._snapshots[snapshot.stream_id, snapshot.fold] = snapshot

    async def delete(self, stream_id: str) -> None:
        self._snapshots = {key: snapshot for key, snapshot in self._snapshots.items() if key[0] != stream_id}


def _time(item: Mapping[str, Any]) -> str:
    return str(item["metadata"]["occurredAt"])
