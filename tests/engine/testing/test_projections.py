"""A specification of a projection holds, or says what was expected and what came."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from engine.projecting.projection import Projection
from engine.testing.projections import given, projected, recorded
from engine.testing.times import NOON
from tests.engine.toy.guest import GuestArrived, GuestDismissed, GuestInvited, Wish
from tests.engine.toy.house import BedsAdded, BedsRefused, BedsReturned, BedsTaken
from tests.engine.toy.read_models.guest_details import GUEST_DETAILS, Dismissal, GuestDetails
from tests.engine.toy.read_models.house_beds import HOUSE_BEDS, HouseBeds
from tests.engine.toy.read_models.house_guests import HOUSE_GUESTS, HouseGuest

WISHES = (Wish("a window", 1),)
INVITED = GuestInvited("g-1", "hill", WISHES)
ARRIVED = GuestArrived("g-1", "hill")
DISMISSED = GuestDismissed("g-1", "hill", "too loud")
DETAILS = GuestDetails("g-1", "hill", "invited", WISHES, NOON)


class TestWhatHolds:
    def test_the_view_after_one_event(self) -> None:
        given(GUEST_DETAILS, "guest-g-1").when(INVITED).then(DETAILS)

    def test_the_view_after_what_was_given_and_what_came_since(self) -> None:
        arrived = replace(DETAILS, status="arrived", arrived_at=NOON + timedelta(seconds=1))
        given(GUEST_DETAILS, "guest-g-1", INVITED).when(ARRIVED).then(arrived)
        dismissed = replace(arrived, status="dismissed", dismissal=Dismissal("too loud", NOON + timedelta(seconds=2)))
        given(GUEST_DETAILS, "guest-g-1", INVITED).when(ARRIVED, DISMISSED).then(dismissed)

    def test_a_view_in_a_partition_of_another_key(self) -> None:
        given(HOUSE_GUESTS, "guest-g-1").when(INVITED).then(HouseGuest("g-1", "hill", "invited", NOON))

    def test_a_view_that_any_event_begins(self) -> None:
        refused = given(HOUSE_BEDS, "house-hill").when(BedsRefused("hill", "g-1", 2, 0))
        refused.then(HouseBeds("hill"))
        taken = (BedsAdded("hill", 5), BedsTaken("hill", "g-1", 2))
        given(HOUSE_BEDS, "house-hill", *taken).when(BedsReturned("hill", "g-1", 2)).then(HouseBeds("hill", 5, 0))


class TestWhatDoesNotHold:
    def test_another_view(self) -> None:
        with pytest.raises(AssertionError) as error:
            given(HOUSE_BEDS, "house-hill", BedsAdded("hill", 5)).when(BedsTaken("hill", "g-1", 2)).then(
                HouseBeds("hill", 5, 3)
            )
        assert str(error.value).splitlines() == [
            "given:",
            "    BedsAdded(house_id='hill', count=5)",
            "when:",
            "    BedsTaken(house_id='hill', guest_id='g-1', count=2)",
            "expected:",
            "    HouseBeds(house_id='hill', beds=5, taken=3)",
            "came:",
            "    HouseBeds(house_id='hill', beds=5, taken=2)",
        ]

    def test_no_view_without_any_event(self) -> None:
        with pytest.raises(AssertionError, match="came:\n    None"):
            given(HOUSE_BEDS, "house-hill").when().then(HouseBeds("hill"))

    def test_an_event_that_does_not_apply_passes_its_error_on(self) -> None:
        with pytest.raises(ValueError, match="GuestArrived before GuestInvited"):
            given(GUEST_DETAILS, "guest-g-1").when(ARRIVED).then(DETAILS)

    def test_a_view_that_does_not_come_back_from_its_document(self) -> None:
        @dataclass(frozen=True)
        class Fraction:
            numbers: Any

        untrue = Projection("fractions", 1, "house", Fraction, lambda _view, _event: Fraction((1, 2)))
        with pytest.raises(AssertionError, match=r"from its document: .*Fraction\(numbers=\[1, 2\]\)"):
            given(untrue, "house-hill").when(BedsAdded("hill", 1)).then(Fraction((1, 2)))


def test_events_are_recorded_one_second_apart() -> None:
    first, second = recorded("guest-g-1", INVITED, ARRIVED)
    assert ("guest-g-1", 1, INVITED, NOON) == (first.stream_id, first.version, first.event, first.occurred_at)
    assert (2, NOON + timedelta(seconds=1)) == (second.version, second.occurred_at)
    (later,) = recorded("guest-g-1", ARRIVED, first=7)
    assert (7, NOON + timedelta(seconds=6)) == (later.version, later.occurred_at)


def test_a_view_can_be_had_without_a_comparison() -> None:
    assert projected(GUEST_DETAILS, "guest-g-1") is None
    assert DETAILS == projected(GUEST_DETAILS, "guest-g-1", INVITED)
