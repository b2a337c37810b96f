"""`ParkedStreams` is the port of the store of parked streams; `memory.py` and `cosmos.py` implement it.

A stream is parked for one consumer of the change feed when one of its events cannot be handled. Its events stay where
they are, in the stream: what is kept is where to begin, and the newest event that the consumer was given since.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal, Protocol

from engine.consuming.errors import TransientFailure

MAX_STREAMS: Final = 10_000
"""At most this many streams of one consumer may be parked.

For one more, `park` raises TooManyStreams: the cause is then not in single streams.
"""

Why = Literal["failed", "newer", "gap"]
"""An event fails for good, a newer build has written it, or the store does not show one before it."""


class TooManyStreams(TransientFailure):
    def __init__(self, consumer: str) -> None:
        super().__init__(f"{consumer} has parked {MAX_STREAMS} streams: release them before it goes on")


@dataclass(frozen=True, slots=True)
class ParkedStream:
    """Says from which event on a stream waits, and why.

    All events before `first` are handled, `seen` is the newest one that was skipped; 0 if it has no version. `version`
    and `type` are those of the event that cannot be handled, and `kind` is what failures that are alike have in common.
    `attempts` counts the tries before it was parked, and at each release. With `automatic`, it was parked by a defect
    of a build: it is released without an operator, as is what is newer, or has a gap.
    """

    stream_id: str
    first: int
    seen: int
    version: int
    type: str
    why: Why
    kind: str
    error: str
    trace: str
    attempts: int
    at: datetime
    automatic: bool = False
    etag: str = field(default="", compare=False)

    @property
    def waits_for_an_operator(self) -> bool:
        return self.why == "failed" and not self.automatic


@dataclass(frozen=True, slots=True)
class Index:
    """Holds the ids of the parked streams of a consumer, and the etag by which a later one is told from this one."""

    stream_ids: frozenset[str]
    etag: str | None


NOTHING_KNOWN: Final = Index(frozenset(), None)


class ParkedStreams(Protocol):
    """Keeps parked streams, partitioned by consumer. All methods raise Unavailable and AccessRefused.

    They answer as the primary replica does, except where they say that they may lag.
    """

    async def index(self, consumer: str) -> Index: ...

    async def index_since(self, consumer: str, known: Index) -> Index:
        """Returns `known` if nothing has changed since, at the least charge. It may lag for a moment."""
        ...

    async def skip(self, consumer: str, stream_id: str, version: int) -> bool:
        """Notes that the consumer was given the stream up to this version, and leaves it to a release.

        Returns False if the stream is not parked, or no longer.
        """
        ...

    async def park(self, consumer: str, parked: ParkedStream) -> None:
        """Parks the stream. If it is parked already, its events are skipped only. Raises TooManyStreams."""
        ...

    async def get(self, consumer: str, stream_id: str) -> ParkedStream | None: ...

    async def all(self, consumer: str, limit: int = MAX_STREAMS) -> Sequence[ParkedStream]:
        """Returns all parked streams, or any `limit` of them, by id, without their traces. It may lag for a moment."""
        ...

    async def move_on(self, consumer: str, stream_id: str, first: int) -> ParkedStream | None:
        """Notes that all events before `first` are handled; returns how the stream waits now, None if it is free."""
        ...

    async def replace(self, consumer: str, parked: ParkedStream) -> bool:
        """Replaces how the stream waits; returns False if that has changed since it was read, or the stream is free."""
        ...

    async def free(self, consumer: str, parked: ParkedStream) -> bool:
        """Ends the parking of the stream; returns False if it has changed since it was read.

        Freeing it again is safe.
        """
        ...
