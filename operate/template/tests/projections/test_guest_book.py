"""What the guest book says of a guest."""

from datetime import timedelta

import pytest

from domain.guest.events import GuestArrived, GuestLeft
from engine.testing.projections import given
from engine.testing.times import NOON
from projections.guest_book import GUEST_BOOK, GuestPage

ADA = "guest-ada"
ARRIVED = GuestArrived("ada", 7)
LEFT = GuestLeft("ada")
A_SECOND = timedelta(seconds=1)


def test_a_guest_who_is_here() -> None:
    given(GUEST_BOOK, ADA).when(ARRIVED).then(GuestPage("ada", 7, NOON, visits=1))


def test_a_guest_who_has_left() -> None:
    given(GUEST_BOOK, ADA, ARRIVED).when(LEFT).then(GuestPage("ada", None, NOON + A_SECOND, visits=1))


def test_a_guest_who_came_again() -> None:
    again = GuestPage("ada", 8, NOON + 2 * A_SECOND, visits=2)
    given(GUEST_BOOK, ADA, ARRIVED, LEFT).when(GuestArrived("ada", 8)).then(again)


def test_a_stream_that_does_not_begin_with_an_arrival_is_none_of_ours() -> None:
    with pytest.raises(ValueError, match="before GuestArrived"):
        given(GUEST_BOOK, ADA).when(LEFT).then(GuestPage("ada", None, NOON, visits=0))
