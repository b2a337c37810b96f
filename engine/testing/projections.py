"""A projection is specified by events of one stream, and the view of them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Generic, TypeVar

from engine.projecting.projection import Projection
from engine.storing.events import RecordedEvent
from engine.testing.failures import failure, told
from engine.testing.times import NOON

E = TypeVar("E")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Given(Generic[V]):
    """Holds the history: `given(GUEST_DETAILS, "guest-g-1", invited).when(arrived).then(GuestDetails(…))`.

    Events are recorded one second apart, the first one at noon.
    """

    projection: Projection[V]
    stream_id: str
    history: Sequence[object]

    def when(self, *events: object) -> "When[V]":
        return When(self.projection, self.stream_id, self.history, events)


@dataclass(frozen=True, slots=True)
class When(Generic[V]):
    projection: Projection[V]
    stream_id: str
    history: Sequence[object]
    events: Sequence[object]

    def then(self, view: V) -> None:
        """Raises AssertionError if the view is another one, or is not equal after a round trip through its document."""
        happened = recorded(self.stream_id, *self.history, *self.events)
        came = _folded(self.projection, happened)
        if came != view:
            raise self._failure(view, told([came]))
        assert came is not None
        document = self.projection.to_document(self.projection.key(happened[-1]), happened[-1].version, came)
        kept = self.projection.from_document(json.loads(json.dumps(document)))
        if kept != came:
            raise self._failure(view, (f"from its document: {kept!r}",))

    def _failure(self, view: V, came: Sequence[str]) -> AssertionError:
        return failure(given=self.history, when=self.events, expected=told([view]), came=came)


def given(projection: Projection[V], stream_id: str, *history: object) -> Given[V]:
    """Starts from a stream in which these events have happened, oldest first."""
    return Given(projection, stream_id, history)


def recorded(stream_id: str, *events: E, first: int = 1) -> list[RecordedEvent[E]]:
    """Returns recorded events with versions from `first`, one second apart, version 1 at noon."""
    return [
        RecordedEvent(stream_id, version, event, NOON + timedelta(seconds=version - 1))
        for version, event in enumerate(events, start=first)
    ]


def projected(projection: Projection[V], stream_id: str, *events: Any) -> V | None:
    """Returns the view of a stream in which these events happened; None without any."""
    return _folded(projection, recorded(stream_id, *events))


def _folded(projection: Projection[V], events: Sequence[RecordedEvent[Any]]) -> V | None:
    view: V | None = None
    for event in events:
        view = projection.project(view, event)
    return view
