"""Whether the guest is in the house."""

from dataclasses import dataclass
from typing import Final, assert_never

from domain.guest.events import GuestArrived, GuestEvent, GuestLeft


@dataclass(frozen=True, slots=True)
class Away:
    pass


@dataclass(frozen=True, slots=True)
class Here:
    guest: str
    room: int


GuestState = Away | Here

INITIAL: Final = Away()


def evolve(_state: GuestState, event: GuestEvent) -> GuestState:
    match event:
        case GuestArrived():
            return Here(event.guest, event.room)
        case GuestLeft():
            return Away()
        case _:
            assert_never(event)
