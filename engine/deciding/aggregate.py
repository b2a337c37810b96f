"""An aggregate: one kind of stream, with its rules and the names under which its events lie in the store."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from engine.deciding.decider import Decider

C = TypeVar("C")
E = TypeVar("E")
S = TypeVar("S")

Upcaster = Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""Turns the stored data of one schema of an event into the data of the next."""


@dataclass(frozen=True, slots=True)
class SnapshotFormat(Generic[S]):
    """The state as plain JSON data and back.

    `fold` numbers what the state means: it moves whenever the same events would give another state or other data,
    and snapshots of another number are left alone.
    """

    fold: int
    to_data: Callable[[S], Mapping[str, Any]]
    from_data: Callable[[Mapping[str, Any]], S]


@dataclass(frozen=True, slots=True)
class Aggregate(Generic[C, E, S]):
    """`wire_names` are those of the events, `commands` those of the commands that may travel on the bus.

    `snapshots` is for kinds of streams that grow long.
    """

    category: str
    decider: Decider[C, E, S]
    wire_names: Mapping[str, type]
    commands: Mapping[str, type] = field(default_factory=dict)
    upcasters: Mapping[str, tuple[Upcaster, ...]] = field(default_factory=dict)
    snapshots: SnapshotFormat[S] | None = None

    def stream_id(self, entity_id: str) -> str:
        return f"{self.category}-{entity_id}"
