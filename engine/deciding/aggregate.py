"""An aggregate is one kind of stream: its decider, and the names of its events and commands at rest and on the bus."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import UnionType
from typing import Any, Generic, TypeVar, get_args

from engine.deciding.decider import Decider

C = TypeVar("C")
E = TypeVar("E")
S = TypeVar("S")

Upcaster = Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""Turns the data of one schema of an event, or of a command, into the data of the next schema."""


@dataclass(frozen=True, slots=True)
class SnapshotFormat(Generic[S]):
    """Converts the state of an aggregate to plain JSON data and back.

    `fold` is the version of this format. Increase it whenever the same events would give another state or other data;
    snapshots with another `fold` are ignored.
    """

    fold: int
    to_data: Callable[[S], Mapping[str, Any]]
    from_data: Callable[[Mapping[str, Any]], S]


@dataclass(frozen=True, slots=True)
class Aggregate(Generic[C, E, S]):
    """Describes one kind of stream. `events` and `commands` are unions of classes, or a single class.

    `commands` are those that may travel on the bus; with None, no command may. Events are stored, and commands travel,
    under the names of their classes; `renamed` maps a renamed class to the name it had before. `upcasters` maps a
    class to the functions that lift older schemas to the present one. `snapshots` is for streams that grow long.
    `vocabulary` is raised with every change of what its events, its commands or its inputs can say: a build that meets
    what it does not know tells by it whether a newer build said it.
    """

    category: str
    decider: Decider[C, E, S]
    events: UnionType | type
    commands: UnionType | type | None = None
    renamed: Mapping[type, str] = field(default_factory=dict)
    upcasters: Mapping[type, tuple[Upcaster, ...]] = field(default_factory=dict)
    snapshots: SnapshotFormat[S] | None = None
    vocabulary: int = 1

    def stream_id(self, entity_id: str) -> str:
        return f"{self.category}-{entity_id}"

    @property
    def event_classes(self) -> Mapping[str, type[E]]:
        """Maps the stored name of each event to its class."""
        return self._by_name(self.events)

    @property
    def command_classes(self) -> Mapping[str, type[C]]:
        """Maps the name of each command that may travel on the bus to its class."""
        return {} if self.commands is None else self._by_name(self.commands)

    def _by_name(self, union: UnionType | type) -> Mapping[str, type[Any]]:
        classes: tuple[type, ...] = get_args(union) or (union,)
        return {self.renamed.get(each, each.__name__): each for each in classes}
