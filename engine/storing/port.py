"""The promise of an event store. `memory.py` and `cosmos.py` keep it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from engine.storing.events import StoredEvent


@dataclass(frozen=True, slots=True)
class Head:
    """Where a stream was when it was folded; version 0 and an empty event id stand for a stream without events."""

    version: int
    event_id: str


@dataclass(frozen=True, slots=True)
class Appended:
    """`history_intact` is false if the event at the expected version is not the one that was folded."""

    history_intact: bool


class EventStore(Protocol):
    """Streams of events, versions contiguous from 1.

    Every method raises Unavailable when the store is away, and AccessRefused when it rejects the application.
    Reads may lag behind the newest write, but never behind what this instance has read or written of the stream;
    they raise HistoryLost when the store has gone back behind that.
    """

    async def read(self, stream_id: str, after: int = 0) -> Sequence[StoredEvent]:
        """The events with a version above `after`, in order and without a hole."""
        ...

    async def newest(self, stream_id: str, count: int) -> Sequence[StoredEvent]:
        """The last `count` events, in order; what lies between them is not checked."""
        ...

    async def look_up(self, stream_id: str, after: int, command_id: str) -> Sequence[StoredEvent]:
        """The events with a version above `after`, and those of the command wherever they stand, in order."""
        ...

    async def is_head(self, stream_id: str, version: int) -> bool:
        """Whether the stream has no event above `version`, as the primary replica says."""
        ...

    async def append(self, stream_id: str, expected: Head, events: Sequence[StoredEvent]) -> Appended:
        """Writes all events or none, durably, if the stream is at the expected version.

        Raises WrongExpectedVersion when it is not or when one of the command keys is taken, HistoryLost when it has
        not even reached it, AppendTooLarge, and OutcomeUnknown when the answer was lost.
        """
        ...

    def forget(self, stream_id: str) -> None:
        """Drops what this instance remembers of the stream, so that reads stop insisting on it."""
        ...
