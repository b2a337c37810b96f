"""A decider is specified by its history, a command, and the events or the rejection that follow."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from engine.deciding.aggregate import Aggregate
from engine.deciding.decider import DomainError
from engine.testing.failures import failure, told

C = TypeVar("C")
E = TypeVar("E")


@dataclass(frozen=True, slots=True)
class Given(Generic[C, E]):
    """Holds the history: `given(GUEST, invited, arrived).when(SeeOffGuest("the sea")).then(left)`."""

    aggregate: Aggregate[C, E, Any]
    history: Sequence[E]

    def when(self, command: C) -> "When[C, E]":
        return When(self.aggregate, self.history, command)


@dataclass(frozen=True, slots=True)
class When(Generic[C, E]):
    """Holds the command. Each `then…` raises AssertionError if something else follows from it."""

    aggregate: Aggregate[C, E, Any]
    history: Sequence[E]
    command: C

    def then(self, *events: E) -> None:
        """Expects exactly these events, in this order."""
        came = self._decided()
        if isinstance(came, DomainError):
            raise self._failure(told(events), _rejection(came)) from came
        if came != events:
            raise self._failure(told(events), told(came))

    def then_nothing(self) -> None:
        """Expects no event: the command is satisfied already."""
        self.then()

    def then_rejected(self, reason: type[DomainError]) -> None:
        """Expects a rejection of the class `reason`, or of a subclass."""
        came = self._decided()
        expected = (f"a rejection: {reason.__name__}",)
        if not isinstance(came, DomainError):
            raise self._failure(expected, told(came))
        if not isinstance(came, reason):
            raise self._failure(expected, _rejection(came)) from came

    def _decided(self) -> tuple[E, ...] | DomainError:
        decider = self.aggregate.decider
        state = decider.fold(decider.initial, self.history)
        try:
            return tuple(decider.decide(self.command, state))
        except DomainError as rejection:
            return rejection

    def _failure(self, expected: Sequence[str], came: Sequence[str]) -> AssertionError:
        return failure(given=self.history, when=[self.command], expected=expected, came=came)


def given(aggregate: Aggregate[C, E, Any], *history: E) -> Given[C, E]:
    """Starts from a stream in which these events have happened, oldest first."""
    return Given(aggregate, history)


def _rejection(came: DomainError) -> tuple[str]:
    return (f"a rejection: {type(came).__name__}: {came}",)
