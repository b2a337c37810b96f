"""The rules of the house. A command that is already satisfied yields no event."""

from typing import assert_never

from domain.guest.commands import Arrive, GuestCommand, Leave
from domain.guest.events import GuestArrived, GuestEvent, GuestLeft
from domain.guest.state import GuestState, Here, Unknown
from engine.deciding.decider import DomainError, NotFound


class GuestNotFound(NotFound):
    def __init__(self) -> None:
        super().__init__("There is no such guest.")


class GuestIsInAnotherRoom(DomainError):
    """A guest leaves before they arrive in another room."""

    def __init__(self, room: int) -> None:
        super().__init__(f"The guest is in room {room}.")


def decide(command: GuestCommand, state: GuestState) -> tuple[GuestEvent, ...]:
    match command:
        case Arrive():
            return _arrive(command, state)
        case Leave():
            return _leave(state)
        case _:
            assert_never(command)


def _arrive(command: Arrive, state: GuestState) -> tuple[GuestEvent, ...]:
    if not isinstance(state, Here):
        return (GuestArrived(command.guest, command.room),)
    if command.room != state.room:
        raise GuestIsInAnotherRoom(state.room)
    return ()


def _leave(state: GuestState) -> tuple[GuestEvent, ...]:
    if isinstance(state, Unknown):
        raise GuestNotFound
    return (GuestLeft(state.guest),) if isinstance(state, Here) else ()
