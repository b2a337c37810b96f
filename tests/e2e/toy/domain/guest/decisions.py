"""The rules of the house."""

from typing import Final, assert_never

from domain.guest.commands import Arrive, GuestCommand, Leave
from domain.guest.events import GuestArrived, GuestEvent, GuestLeft
from domain.guest.state import INITIAL, Away, GuestState, Here, evolve

from domain.decider import Decider, DomainError


class GuestIsInAnotherRoom(DomainError):
    def __init__(self, room: int) -> None:
        super().__init__(f"The guest is in room {room}.")


def decide(command: GuestCommand, state: GuestState) -> tuple[GuestEvent, ...]:
    match command:
        case Arrive():
            if isinstance(state, Away):
                return (GuestArrived(command.guest, command.room),)
            if command.room != state.room:
                raise GuestIsInAnotherRoom(state.room)
            return ()
        case Leave():
            return (GuestLeft(state.guest),) if isinstance(state, Here) else ()
        case _:
            assert_never(command)


GUEST: Final[Decider[GuestCommand, GuestEvent, GuestState]] = Decider(initial=INITIAL, decide=decide, evolve=evolve)
