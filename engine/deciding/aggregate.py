"""An aggregate: one kind of stream, with its rules and the names under which its events lie in the store."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import UnionType
from typing import Any, Generic, TypeVar, get_args

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
    """`events` and `commands` are the unions of their classes, or the one class that there is.

    `commands` are those that may travel on the bus; None: none may. Events lie in the store, and commands travel,
    under the names of their classes; `renamed` has the names of those whose class is called otherwise by now.
    `upcasters` lift older schemas of an event to its present one. `snapshots` is for kinds of streams that grow long.
    """

    category: str
    decider: Decider[C, E, S]
    events: UnionType | type
    commands: UnionType | type | None = None
    renamed: Mapping[type, str] = field(default_factory=dict)
    upcasters: Mapping[type, tuple[Upcaster, ...]] = field(default_factory=dict)
    snapshots: SnapshotFormat[S] | None = None

    def stream_id(self, entity_id: str) -> str:
        return f"{self.category}-{entity_id}"

    @property
    def event_classes(self) -> Mapping[str, type[E]]:
        """By their names in the store."""
        return self._by_name(self.events)

    @property
    def command_classes(self) -> Mapping[str, type[C]]:
        """Those that may travel on the bus, by their names there."""
        return {} if self.commands is None else self._by_name(self.commands)

    def _by_name(self, union: UnionType | type) -> Mapping[str, type[Any]]:
        classes: tuple[type, ...] = get_args(union) or (union,)
        return {self.renamed.get(each, each.__name__): each for each in classes}
