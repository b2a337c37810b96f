"""A stream state is what a command is decided on; the cache keeps the last used ones, bounded by bytes."""

import sys
from collections import OrderedDict
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final, Generic, Self, TypeVar

from msgspec import Struct

from engine.deciding.aggregate import Aggregate
from engine.storing.codec import EventCodec
from engine.storing.events import StoredEvent
from engine.storing.port import Head
from engine.turns import in_turns

S = TypeVar("S")

_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)


class StreamState(Struct, Generic[S], frozen=True):
    """Holds the state of a stream at a version, and the id, time and type of its newest event.

    It is a struct, as stored events are: one is created for each load and each append.
    """

    state: S
    version: int = 0
    event_id: str = ""
    occurred_at: datetime = _LONG_AGO
    event_type: str = ""

    @property
    def head(self) -> Head:
        return Head(self.version, self.event_id)

    async def then(self, aggregate: Aggregate[Any, Any, S], codec: EventCodec, events: Iterable[StoredEvent]) -> Self:
        """Returns the state after `events`, which follow this version without a gap.

        Raises as `EventCodec.event_of` does.
        """
        state, evolve, event_of = self.state, aggregate.decider.evolve, codec.event_of
        newest: StoredEvent | None = None
        async for newest in in_turns(events):
            state = evolve(state, event_of(newest))
        return self if newest is None else type(self).at(state, newest)

    @classmethod
    def at(cls, state: S, newest: StoredEvent) -> Self:
        """Returns the stream state of `state`, at the version of `newest`, the last event in it."""
        metadata = newest.metadata
        return cls(state, newest.version, metadata.event_id, metadata.occurred_at, newest.type)


class StreamStateCache:
    """Keeps the states of the streams that were used last, as many as fit into `max_bytes` of estimated memory."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._entries: OrderedDict[str, tuple[StreamState[Any], int]] = OrderedDict()
        self._bytes = 0

    def get(self, stream_id: str) -> StreamState[Any] | None:
        entry = self._entries.get(stream_id)
        if entry is None:
            return None
        self._entries.move_to_end(stream_id)
        return entry[0]

    def put(self, stream_id: str, state: StreamState[Any]) -> None:
        self.drop(stream_id)
        size = _OVERHEAD + len(stream_id) + _estimate(state.state)
        self._entries[stream_id] = (state, size)
        self._bytes += size
        while self._bytes > self._max_bytes:
            self._bytes -= self._entries.popitem(last=False)[1][1]

    def drop(self, stream_id: str) -> None:
        entry = self._entries.pop(stream_id, None)
        if entry is not None:
            self._bytes -= entry[1]


_OVERHEAD: Final = 900
"""An entry has these bytes beside its state: itself, its key, the state object, its id and time (measured on 3.11)."""


def _estimate(state: object) -> int:
    """Returns the bytes of a state and of its fields. A large field reports its own size by `__sizeof__`."""
    names: Iterable[str] = getattr(state, "__dataclass_fields__", ())
    return sys.getsizeof(state) + sum([sys.getsizeof(getattr(state, name)) for name in names])
