"""Given, when, then for processes: what came to it, what comes next, and the commands that it issues then."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from engine.deciding.process import Issued, Process
from engine.testing.failures import failure, told

X = TypeVar("X")
E = TypeVar("E")


@dataclass(frozen=True, slots=True)
class Given(Generic[X, E]):
    """`given(GREETING, invited).when(Remind()).then_issued(Issued("guest", "g-1", DismissGuest("late")))`"""

    process: Process[X, E, Any]
    inputs: Sequence[X]

    def when(self, happened: X) -> "When[X, E]":
        """An event of another stream, or a timeout of the process's own."""
        return When(self.process, self.inputs, happened)


@dataclass(frozen=True, slots=True)
class When(Generic[X, E]):
    """Each `then…` raises AssertionError where the process does something else, or an input would not reach it."""

    process: Process[X, E, Any]
    inputs: Sequence[X]
    happened: X

    def then(self, *events: E) -> None:
        """Exactly these reactions, with the commands that they hold."""
        self._compare(events, self._reactions())

    def then_issued(self, *issued: Issued[Any]) -> None:
        """Exactly these commands, with their targets and delays, in this order."""
        self._compare(issued, [each for reaction in self._reactions() for each in self.process.issued(reaction)])

    def then_nothing(self) -> None:
        """No reaction at all: the input changes nothing that is not so already."""
        self.then()

    def _reactions(self) -> tuple[E, ...]:
        self._check_that_all_arrive()
        decider = self.process.aggregate.decider
        state = decider.initial
        for each in self.inputs:
            state = decider.fold(state, decider.decide(each, state))
        return tuple(decider.decide(self.happened, state))

    def _check_that_all_arrive(self) -> None:
        """A process decides well on what never reaches it, too: no command would ever follow from that."""
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
    """What came to it so far: events of other streams and its own timeouts, as they came."""
    return Given(process, inputs)
