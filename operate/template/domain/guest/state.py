"""Where a guest is: what the decisions need to know, and no more."""

from dataclasses import dataclass
from typing import Final, assert_never

from domain.guest.events import GuestArrived, GuestEvent, GuestLeft


@dataclass(frozen=True, slots=True)
class Unknown:
    """Was never here."""


@dataclass(frozen=True, slots=True)
class Here:
    guest: str
    room: int


@dataclass(frozen=True, slots=True)
class Away:
    pass


GuestState = Unknown | Here | Away

INITIAL: Final = Unknown()


def evolve(_state: GuestState, event: GuestEvent) -> GuestState:
    """Each event carries all that the next decision needs, so the state before it does not matter."""
    match event:
        case GuestArrived():
            return Here(event.guest, event.room)
        case GuestLeft():
            return Away()
        case _:
            assert_never(event)
