"""A process: what happens in several streams, brought to one end by commands to them.

It is an aggregate whose inputs are what happened elsewhere. Each event of its stream is one reaction, and holds the
commands that it issued: they are sent from there, so that a reaction and what follows from it are kept together or
not at all.
"""

from collections.abc import Callable
from dataclasses import dataclass
from types import UnionType
from typing import Any, Generic, TypeVar

from engine.deciding.aggregate import Aggregate

C = TypeVar("C", covariant=True)
X = TypeVar("X")
E = TypeVar("E")
S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Issued(Generic[C]):
    """A command to the stream `<category>-<entity_id>`, due `after_seconds` after the event that carries it occurred.

    One to the process's own category is a timeout: it comes back as an input, among the others.
    """

    category: str
    entity_id: str
    command: C
    after_seconds: int = 0


@dataclass(frozen=True, slots=True)
class Process(Generic[X, E, S]):
    """`aggregate` decides on inputs: events of other streams, and its own timeouts.

    An input can arrive twice, and those of different streams in any order; those of one stream arrive in order.
    `inputs` is the union of those events, and `correlation` gives the entity id of the process that one is about, None
    if it is about none.
    `issued` gives the commands that an event of the process holds.
    """

    aggregate: Aggregate[X, E, S]
    inputs: UnionType | type
    correlation: Callable[[Any], str | None]
    issued: Callable[[E], tuple[Issued[Any], ...]]

    def entity_id(self, event: object) -> str | None:
        """Of the process that the event is about; None if it is about none."""
        return self.correlation(event) if isinstance(event, self.inputs) else None
