"""A specification of a process holds, or says what was expected and what came."""

from dataclasses import dataclass
from typing import Any

import pytest

from engine.deciding.aggregate import Aggregate
from engine.deciding.decider import Decider
from engine.deciding.process import Issued, Process
from engine.testing.processes import given
from tests.engine.toy.greeting import Greeted, Parted, Remind, Reminded
from tests.engine.toy.guest import DismissGuest, GuestArrived, GuestInvited, GuestLeft
from tests.engine.toy.house import ReturnBeds
from tests.engine.toy.registry import GREETING

INVITED = GuestInvited("g-1", "hill", ())
LEFT = GuestLeft("g-1", "hill", "the sea")
DISMISS = Issued("guest", "g-1", DismissGuest("nobody came"), after_seconds=60)
WAKE_UP = Issued("greeting", "g-1", Remind(), after_seconds=30)
RETURN_BEDS = Issued("house", "hill", ReturnBeds("hill", "g-1"))


class TestWhatHolds:
    def test_commands_with_their_targets_and_delays(self) -> None:
        given(GREETING).when(INVITED).then_issued(DISMISS, WAKE_UP)
        given(GREETING, INVITED, Remind()).when(LEFT).then_issued(RETURN_BEDS)

    def test_a_reaction_with_the_commands_that_it_holds(self) -> None:
        given(GREETING).when(INVITED).then(Greeted("g-1", (DISMISS, WAKE_UP)))
        given(GREETING, INVITED).when(LEFT).then(Parted("g-1", (RETURN_BEDS,)))

    def test_a_reaction_to_a_timeout_of_its_own_that_issues_nothing(self) -> None:
        given(GREETING, INVITED).when(Remind()).then(Reminded())
        given(GREETING, INVITED).when(Remind()).then_issued()


class TestWhatDoesNotHold:
    def test_another_delay(self) -> None:
        with pytest.raises(AssertionError) as error:
            given(GREETING).when(INVITED).then_issued(Issued("guest", "g-1", DismissGuest("nobody came")), WAKE_UP)
        assert str(error.value).splitlines() == [
            "given:",
            "    nothing",
            "when:",
            f"    {INVITED!r}",
            "expected:",
            f"    {Issued('guest', 'g-1', DismissGuest('nobody came'))!r}",
            f"    {WAKE_UP!r}",
            "came:",
            f"    {DISMISS!r}",
            f"    {WAKE_UP!r}",
        ]

    def test_another_target_and_one_command_too_few(self) -> None:
        with pytest.raises(AssertionError, match="expected:\n    Issued"):
            given(GREETING).when(LEFT).then_issued(Issued("house", "mill", ReturnBeds("hill", "g-1")))
        with pytest.raises(AssertionError, match="came:\n    Issued"):
            given(GREETING).when(LEFT).then_issued()

    def test_a_reaction_where_nothing_was_expected(self) -> None:
        with pytest.raises(AssertionError, match="expected:\n    nothing\ncame:\n    Reminded"):
            given(GREETING, INVITED).when(Remind()).then_nothing()

    def test_an_event_that_would_never_reach_the_process(self) -> None:
        arrived: Any = GuestArrived("g-1", "hill")
        for unheard in (given(GREETING).when(arrived), given(GREETING, arrived).when(INVITED)):
            with pytest.raises(AssertionError, match=r"its correlation knows\ncame:\n    GuestArrived"):
                unheard.then_issued(DISMISS, WAKE_UP)

    def test_events_that_reach_two_processes(self) -> None:
        other = GuestInvited("g-2", "hill", ())
        with pytest.raises(AssertionError, match="about one process\ncame:\n    about 'g-2'\n    about 'g-1'"):
            given(GREETING, other).when(LEFT).then_issued(RETURN_BEDS)


class TestWhatWasReactedToBefore:
    """The inputs that are given count, by what the process made of each."""

    @pytest.fixture
    def patient(self) -> Process[Any, Any, Any]:
        """Returns the beds once the second guest has left, and nothing else."""

        @dataclass(frozen=True)
        class Counted:
            issued: tuple[Issued[Any], ...]

        def decide(_left: GuestLeft, counted: int) -> tuple[Counted, ...]:
            return (Counted((RETURN_BEDS,) if counted == 1 else ()),) if counted < 2 else ()

        decider: Decider[Any, Counted, int] = Decider(0, decide, lambda counted, _event: counted + 1)
        return Process(
            aggregate=Aggregate("patience", decider, events=Counted),
            inputs=GuestLeft,
            correlation=lambda left: str(left.house_id),
            issued=lambda event: event.issued,
        )

    def test_they_do(self, patient: Process[Any, Any, Any]) -> None:
        given(patient).when(LEFT).then_issued()
        given(patient, LEFT).when(LEFT).then_issued(RETURN_BEDS)
        given(patient, LEFT, LEFT).when(LEFT).then_nothing()
        with pytest.raises(AssertionError):
            given(patient).when(LEFT).then_nothing()
