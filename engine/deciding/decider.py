"""A decider: the business rules of one kind of stream, as three values.

`decide` answers a command with the events that follow from it, or raises a `DomainError`; `evolve` remembers an
event and decides nothing; `initial` is the state of a stream without events. All of it is pure and total, so a
command that ran into a conflict can be decided again on fresher state.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

C = TypeVar("C")
E = TypeVar("E")
S = TypeVar("S")


class DomainError(Exception):
    """The business says no: a rejection that the caller can understand. It leaves no event.

    Each subclass is one reason; its message is written for the client. `NotFound` is the one family that callers
    treat apart.
    """


class NotFound(DomainError):
    """The command is about something that was never created."""


@dataclass(frozen=True, slots=True)
class Decider(Generic[C, E, S]):
    """`decide(command, state)` gives the new events; none means that the command is already satisfied."""

    initial: S
    decide: Callable[[C, S], tuple[E, ...]]
    evolve: Callable[[S, E], S]

    def fold(self, state: S, events: Iterable[E]) -> S:
        """The state after `events`, oldest first."""
        for event in events:
            state = self.evolve(state, event)
        return state
