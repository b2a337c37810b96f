"""A process reacts to events of several streams with commands to those streams.

It is an aggregate whose decider takes process inputs in place of commands. Each event of its stream is one reaction,
and holds the commands that the process issued with it. The relay sends them from there, so a reaction and its commands
are kept together or not at all.
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
    """An issued command goes to the stream `<category>-<entity_id>`, `after_seconds` after the event that holds it.

    A command to the process's own category is a timeout: the process gets it back as an input.
    """

    category: str
    entity_id: str
    command: C
    after_seconds: int = 0


@dataclass(frozen=True, slots=True)
class Process(Generic[X, E, S]):
    """A process decides on its inputs: events of other streams, and its own timeouts.

    An input can arrive twice, and inputs arrive in any order. Those from one stream nearly always arrive in order: a
    message that became a dead letter, and is sent again, arrives after all those behind it.
    `aggregate` decides on them. `inputs` is the union of the event classes that the process reacts to, and
    `correlation` returns the entity id of the process that an event is about, None if it is about none. `issued`
    returns the commands that an event of the process holds. `ended(state)` tells whether nothing is outstanding;
    without it, nobody knows of a process that hangs.
    """

    aggregate: Aggregate[X, E, S]
    inputs: UnionType | type
    correlation: Callable[[Any], str | None]
    issued: Callable[[E], tuple[Issued[Any], ...]]
    ended: Callable[[S], bool] | None = None

    def entity_id(self, event: object) -> str | None:
        """Returns the entity id of the process that `event` is about; None if it is about none."""
        return self.correlation(event) if isinstance(event, self.inputs) else None
