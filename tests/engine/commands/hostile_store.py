"""An event store that misbehaves on request, as Cosmos DB may: it lags, loses answers, and lets others go first."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any

from engine.errors import OutcomeUnknown
from engine.storing.events import StoredEvent
from engine.storing.memory import MemoryEventStore, MemorySnapshotStore
from engine.storing.port import PAGE, Appended, Head, StreamPage


class HostileStore:
    """`calls` is the list of round trips. Reads show `hidden` events less than there are, until the primary spoke."""

    def __init__(self) -> None:
        self.memory = MemoryEventStore()
        self.snapshots = MemorySnapshotStore()
        self.calls: list[str] = []
        self.before_append: Callable[[], Awaitable[None]] | None = None
        self.before_read: Callable[[int], Awaitable[None]] | None = None
        self.lose_next_answer = False
        self.hidden = 0
        self.hidden_after_append = 0

    async def read(self, stream_id: str, after: int = 0, limit: int = PAGE) -> Sequence[StoredEvent]:
        self.calls.append("read")
        if self.before_read is not None:
            await self.before_read(after)
        return self._shown(stream_id, await self.memory.read(stream_id, after, limit))

    async def newest(self, stream_id: str, count: int) -> Sequence[StoredEvent]:
        self.calls.append("newest")
        return self._shown(stream_id, await self.memory.newest(stream_id, count + self.hidden))[-count:]

    async def look_up(self, stream_id: str, after: int, command_ids: Collection[str]) -> Sequence[StoredEvent]:
        self.calls.append("look_up")
        return self._shown(stream_id, await self.memory.look_up(stream_id, after, command_ids))

    async def of_commands(self, stream_id: str, command_ids: Collection[str]) -> Sequence[StoredEvent]:
        self.calls.append("of_commands")
        return self._shown(stream_id, await self.memory.of_commands(stream_id, command_ids))

    async def streams_of(self, command_id: str) -> Sequence[str]:
        self.calls.append("streams_of")
        return await self.memory.streams_of(command_id)

    async def items(self, stream_id: str, after: str = "", limit: int = PAGE) -> Sequence[Mapping[str, Any]]:
        self.calls.append("items")
        return await self.memory.items(stream_id, after, limit)

    async def streams(
        self, version: int, category: str | None, limit: int, continuation: str | None = None
    ) -> StreamPage:
        return await self.memory.streams(version, category, limit, continuation)

    async def is_head(self, stream_id: str, version: int) -> bool:
        self.calls.append("is_head")
        self.hidden = 0
        return await self.memory.is_head(stream_id, version)

    async def append(self, stream_id: str, expected: Head, events: Sequence[StoredEvent]) -> Appended:
        self.calls.append("append")
        if self.before_append is not None:
            hook, self.before_append = self.before_append, None
            await hook()
        try:
            appended = await self.memory.append(stream_id, expected, events)
        finally:
            self.hidden, self.hidden_after_append = self.hidden_after_append, 0
        if self.lose_next_answer:
            self.lose_next_answer = False
            raise OutcomeUnknown("lost")
        return appended

    def _shown(self, stream_id: str, events: Sequence[StoredEvent]) -> Sequence[StoredEvent]:
        last = len(self.memory._streams.get(stream_id, [])) - self.hidden
        return [event for event in events if event.version <= last]
