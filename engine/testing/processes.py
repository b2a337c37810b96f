"""A process is specified by its earlier inputs, the next input, and the reactions and commands that follow."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from engine.deciding.process import Issued, Process
from engine.testing.failures import failure, told

X = TypeVar("X")
E = TypeVar("E")


@dataclass(frozen=True, slots=True)
class Given(Generic[X, E]):
    """Holds the earlier inputs of the process.

    `given(GREETING, invited).when(Remind()).then_issued(Issued("guest", "g-1", DismissGuest("late")))`
    """

    process: Process[X, E, Any]
    inputs: Sequence[X]

    def when(self, happened: X) -> "When[X, E]":
        """Takes the next input: an event of another stream, or a timeout of the process."""
        return When(self.process, self.inputs, happened)


@dataclass(frozen=True, slots=True)
class When(Generic[X, E]):
    """Holds the next input.

    Each `then…` raises AssertionError if something else follows, or an input would never arrive.
    """

    process: Process[X, E, Any]
    inputs: Sequence[X]
    happened: X

    def then(self, *events: E) -> None:
        """Expects exactly these reactions, with the commands that they hold."""
        self._compare(events, self._reactions())

    def then_issued(self, *issued: Issued[Any]) -> None:
        """Expects exactly these commands, with their targets and delays, in this order."""
        self._compare(issued, [each for reaction in self._reactions() for each in self.process.issued(reaction)])

    def then_nothing(self) -> None:
        """Expects no reaction: the input changes nothing."""
        self.then()

    def _reactions(self) -> tuple[E, ...]:
        self._check_that_all_arrive()
        decider = self.process.aggregate.decider
        state = decider.initial
        for each in self.inputs:
            state = decider.fold(state, decider.decide(each, state))
        return tuple(decider.decide(self.happened, state))

    def _check_that_all_arrive(self) -> None:
        """Raises AssertionError for an input that the process would never get, or inputs of several processes.

        Without this check, a specification could hold although its input never reaches the process.
        """
        timeouts = tuple(self.process.aggregate.command_classes.values())
        events = [each for each in (*self.inputs, self.happened) if type(each) not in timeouts]
        lost = [each for each in events if self.process.entity_id(each) is None]
        if lost:
            raise self._failure(("timeouts of its own, and events that its correlation knows",), told(lost))
        concerned = {self.process.entity_id(each): each for each in events}
        if len(concerned) > 1:
            raise self._failure(("events about one process",), [f"about {each!r}" for each in concerned])

    def _compare(self, expected: Sequence[object], came: Sequence[object]) -> None:
        if tuple(expected) != tuple(came):
            raise self._failure(told(expected), told(came))

    def _failure(self, expected: Sequence[str], came: Sequence[str]) -> AssertionError:
        return failure(given=self.inputs, when=[self.happened], expected=expected, came=came)


def given(process: Process[X, E, Any], *inputs: X) -> Given[X, E]:
    """Starts from a process with these inputs, in the order in which they arrived."""
    return Given(process, inputs)
