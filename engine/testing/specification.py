"""Given, when, then as objects: what a decider or a projection does, in the words of the business."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar

import pytest

from engine.deciding.aggregate import Aggregate
from engine.deciding.decider import DomainError
from engine.projecting.projection import Projection
from engine.storing.events import RecordedEvent

C = TypeVar("C")
E = TypeVar("E")
V = TypeVar("V")

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Given(Generic[C, E]):
    """`given(ORDER, placed, confirmed).when(CancelOrder("…")).then(cancelled)`"""

    aggregate: Aggregate[C, E, Any]
    history: Sequence[E]

    def when(self, command: C) -> "When[C, E]":
        return When(self, command)


@dataclass(frozen=True)
class When(Generic[C, E]):
    given: Given[C, E]
    command: C

    def then(self, *events: E) -> None:
        assert tuple(events) == self._decide()

    def then_nothing(self) -> None:
        self.then()

    def then_rejected(self, reason: type[DomainError]) -> None:
        with pytest.raises(reason):
            self._decide()

    def _decide(self) -> tuple[E, ...]:
        decider = self.given.aggregate.decider
        return decider.decide(self.command, decider.fold(decider.initial, self.given.history))


def given(aggregate: Aggregate[C, E, Any], *history: E) -> Given[C, E]:
    return Given(aggregate, history)


def recorded(stream_id: str, *events: E, first: int = 1) -> list[RecordedEvent[E]]:
    """Events as projections see them: versions from `first`, one second apart, version 1 at noon."""
    return [
        RecordedEvent(stream_id, version, event, NOON + timedelta(seconds=version - 1))
        for version, event in enumerate(events, start=first)
    ]


def projected(projection: Projection[V], stream_id: str, *events: Any) -> V | None:
    view: V | None = None
    for event in recorded(stream_id, *events):
        view = projection.project(view, event)
    return view
