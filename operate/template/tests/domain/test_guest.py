"""The rules of the house."""

from domain.guest.aggregate import GUEST
from domain.guest.commands import Arrive, Leave
from domain.guest.decisions import GuestIsInAnotherRoom, GuestNotFound
from domain.guest.events import GuestArrived, GuestLeft
from engine.testing.deciders import given

ARRIVED = GuestArrived("ada", 7)
LEFT = GuestLeft("ada")


def test_a_guest_arrives() -> None:
    given(GUEST).when(Arrive("ada", 7)).then(ARRIVED)


def test_arriving_twice_in_a_room_is_arriving_once() -> None:
    given(GUEST, ARRIVED).when(Arrive("ada", 7)).then_nothing()


def test_a_guest_is_in_one_room_at_a_time() -> None:
    given(GUEST, ARRIVED).when(Arrive("ada", 8)).then_rejected(GuestIsInAnotherRoom)


def test_a_guest_who_is_here_leaves_once() -> None:
    given(GUEST, ARRIVED).when(Leave()).then(LEFT)
    given(GUEST, ARRIVED, LEFT).when(Leave()).then_nothing()


def test_a_guest_comes_again() -> None:
    given(GUEST, ARRIVED, LEFT).when(Arrive("ada", 8)).then(GuestArrived("ada", 8))


def test_nobody_leaves_who_was_never_here() -> None:
    given(GUEST).when(Leave()).then_rejected(GuestNotFound)
