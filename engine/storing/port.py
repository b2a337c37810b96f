"""`EventStore` is the port of the event store; `memory.py` and `cosmos.py` implement it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from engine.storing.events import StoredEvent

PAGE: Final = 1000
"""A read returns at most this many events: some milliseconds' work to decode and to fold."""

MOST_STREAMS: Final = 10
"""A command goes to one stream. Where its id is found in more, somebody has copied events, and these are enough."""


@dataclass(frozen=True, slots=True)
class Head:
    """Names the newest event of a stream state. Version 0 and an empty event id stand for a stream without events."""

    version: int
    event_id: str


@dataclass(frozen=True, slots=True)
class Appended:
    """Reports an append. `history_intact` is false if the event at the expected version is not the expected one."""

    history_intact: bool


@dataclass(frozen=True, slots=True)
class StreamPage:
    """Holds an item of each stream, without its data; `continuation` is where the next page begins, None at the end."""

    items: Sequence[Mapping[str, Any]]
    continuation: str | None


class EventStore(Protocol):
    """Keeps streams of events, with contiguous versions from 1.

    No method reads more than `PAGE` events of a stream and those of one command, however long the stream is. Every
    method raises Unavailable when the store does not answer, and AccessRefused when it refuses the application.
    Reads may miss the newest writes, but nothing that this instance has read or written of the stream before. When the
    store was restored and no longer has that, they return what it has.
    """

    async def read(self, stream_id: str, after: int = 0, limit: int = PAGE) -> Sequence[StoredEvent]:
        """Returns the next events with a version above `after`, in order and without a gap.

        There are `limit` of them, at most `PAGE`; if there are fewer, the stream had no others. To read on, see
        `engine/storing/pages.py`.
        """
        ...

    async def newest(self, stream_id: str, count: int) -> Sequence[StoredEvent]:
        """Returns the last `count` events, in order; gaps between them are not checked."""
        ...

    async def look_up(self, stream_id: str, after: int, command_ids: Collection[str]) -> Sequence[StoredEvent]:
        """Returns the next `PAGE` events with a version above `after` and all events of the commands, in order."""
        ...

    async def of_commands(self, stream_id: str, command_ids: Collection[str]) -> Sequence[StoredEvent]:
        """Returns all events of the commands in this stream, in order."""
        ...

    async def streams_of(self, command_id: str) -> Sequence[str]:
        """Returns the ids of the streams in which the command took effect: one, or `MOST_STREAMS` at most.

        It asks every partition of the store, and may miss what was written a moment ago.
        """
        ...

    async def items(self, stream_id: str, after: str = "", limit: int = PAGE) -> Sequence[Mapping[str, Any]]:
        """Returns the first `limit` items of the stream with ids above `after`, by id, as they lie in the store.

        What is no event is among them, whoever has put it there: nothing is checked.
        """
        ...

    async def streams(
        self, version: int, category: str | None, limit: int, continuation: str | None = None
    ) -> StreamPage:
        """Returns streams that have an event of this version, with it: with version 1, all there are; for tools.

        They come in any order, at most `limit` of them, and fewer do not mean that there are no others: see
        `continuation`. Raises RequestRefused for a continuation that is none.
        """
        ...

    async def is_head(self, stream_id: str, version: int) -> bool:
        """Returns whether the stream has no event above `version`, as the primary replica answers."""
        ...

    async def append(self, stream_id: str, expected: Head, events: Sequence[StoredEvent]) -> Appended:
        """Writes all events or none, durably, if the stream is at the expected version.

        Raises WrongExpectedVersion when the stream is past that version or one of the command keys is taken,
        HistoryLost when the stream has not reached it, AppendTooLarge, StreamFull, and OutcomeUnknown when the answer
        was lost.
        """
        ...
