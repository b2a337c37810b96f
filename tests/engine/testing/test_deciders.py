"""A specification of a decider holds, or says what was expected and what came."""

import subprocess
import sys
from pathlib import Path

import pytest

import engine
from engine.deciding.aggregate import Aggregate
from engine.deciding.decider import Decider, DomainError, NotFound
from engine.testing.deciders import given
from tests.engine.toy.guest import (
    DismissGuest,
    GuestArrived,
    GuestDismissed,
    GuestHasLeft,
    GuestInvited,
    GuestLeft,
    GuestNotFound,
    InviteGuest,
    SeeOffGuest,
    WelcomeGuest,
    Wish,
)
from tests.engine.toy.registry import GUEST

WISHES = (Wish("a window", 1),)
INVITED = GuestInvited("g-1", "hill", WISHES)
ARRIVED = GuestArrived("g-1", "hill")
LEFT = GuestLeft("g-1", "hill", "the sea")


class TestWhatHolds:
    def test_events_that_follow(self) -> None:
        given(GUEST).when(InviteGuest("g-1", "hill", WISHES)).then(INVITED)
        given(GUEST, INVITED, ARRIVED).when(SeeOffGuest("the sea")).then(LEFT)

    def test_a_command_that_is_satisfied_already(self) -> None:
        given(GUEST, INVITED, ARRIVED).when(WelcomeGuest()).then_nothing()

    def test_a_rejection_also_by_a_family_of_reasons(self) -> None:
        given(GUEST, INVITED, ARRIVED, LEFT).when(DismissGuest("late")).then_rejected(GuestHasLeft)
        given(GUEST).when(WelcomeGuest()).then_rejected(GuestNotFound)
        given(GUEST).when(WelcomeGuest()).then_rejected(NotFound)


class TestWhatDoesNotHold:
    def test_another_event(self) -> None:
        with pytest.raises(AssertionError) as error:
            given(GUEST, INVITED).when(DismissGuest("late")).then(GuestDismissed("g-1", "hill", "early"))
        assert str(error.value).splitlines() == [
            "given:",
            f"    {INVITED!r}",
            "when:",
            "    DismissGuest(reason='late')",
            "expected:",
            "    GuestDismissed(guest_id='g-1', house_id='hill', reason='early')",
            "came:",
            "    GuestDismissed(guest_id='g-1', house_id='hill', reason='late')",
        ]

    def test_one_event_too_many_and_one_too_few(self) -> None:
        with pytest.raises(AssertionError):
            given(GUEST, INVITED).when(WelcomeGuest()).then(ARRIVED, ARRIVED)
        with pytest.raises(AssertionError, match="expected:\n    nothing\ncame:\n    GuestArrived"):
            given(GUEST, INVITED).when(WelcomeGuest()).then_nothing()

    def test_nothing_where_an_event_was_expected(self) -> None:
        with pytest.raises(AssertionError, match=r"expected:\n    GuestArrived\(.*\)\ncame:\n    nothing"):
            given(GUEST, INVITED, ARRIVED).when(WelcomeGuest()).then(ARRIVED)

    def test_a_rejection_where_an_event_or_nothing_was_expected(self) -> None:
        came = "came:\n    a rejection: GuestNotFound: There is no such guest."
        with pytest.raises(AssertionError, match=came):
            given(GUEST).when(WelcomeGuest()).then(ARRIVED)
        with pytest.raises(AssertionError, match=came) as error:
            given(GUEST).when(WelcomeGuest()).then_nothing()
        assert isinstance(error.value.__cause__, GuestNotFound)

    def test_an_event_nothing_or_another_rejection_where_a_rejection_was_expected(self) -> None:
        expected = "expected:\n    a rejection: GuestHasLeft\ncame:\n    "
        with pytest.raises(AssertionError, match=f"{expected}GuestArrived"):
            given(GUEST, INVITED).when(WelcomeGuest()).then_rejected(GuestHasLeft)
        with pytest.raises(AssertionError, match=f"{expected}nothing"):
            given(GUEST, INVITED, ARRIVED).when(WelcomeGuest()).then_rejected(GuestHasLeft)
        with pytest.raises(AssertionError, match=f"{expected}a rejection: GuestNotFound"):
            given(GUEST).when(WelcomeGuest()).then_rejected(GuestHasLeft)

    def test_a_defect_of_the_decider_is_not_taken_for_a_rejection(self) -> None:
        def decide(_command: str, _state: int) -> tuple[str, ...]:
            raise KeyError

        decider: Decider[str, str, int] = Decider(0, decide, lambda state, _: state)
        broken: Aggregate[str, str, int] = Aggregate("broken", decider, events=str)
        with pytest.raises(KeyError):
            given(broken).when("anything").then_rejected(DomainError)


def test_it_runs_under_any_runner() -> None:
    """Authors may use another one than pytest."""
    modules = "engine.testing.deciders, engine.testing.projections, engine.testing.processes"
    code = f"import {modules}, sys; assert 'pytest' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], cwd=Path(engine.__file__).parents[1], check=True)
