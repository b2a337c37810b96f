"""A decider holds the business rules of one kind of stream, as three values.

`decide` returns the events that follow from a command, or raises a `DomainError`; `evolve` applies an event to the
state and decides nothing; `initial` is the state of a stream without events. All of it is pure and total, so a command
that ran into a conflict can be decided again on newer state.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

C = TypeVar("C")
E = TypeVar("E")
S = TypeVar("S")


class DomainError(Exception):
    """Is raised when the business rules reject a command; no event is appended.

    Each subclass is one reason, and its message is written for the client. Callers treat only `NotFound` differently.
    """


class NotFound(DomainError):
    """Is raised when a command is about something that was never created."""


@dataclass(frozen=True, slots=True)
class Decider(Generic[C, E, S]):
    """`decide(command, state)` returns the new events; an empty tuple means that the command is already satisfied."""

    initial: S
    decide: Callable[[C, S], tuple[E, ...]]
    evolve: Callable[[S, E], S]

    def fold(self, state: S, events: Iterable[E]) -> S:
        """Returns the state after `events`, which are given oldest first."""
        for event in events:
            state = self.evolve(state, event)
        return state
