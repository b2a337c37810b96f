"""A guest is invited to a house, welcomed, seen off or dismissed. Its stream `guest-<guestId>` stays short."""

from dataclasses import dataclass
from typing import Final, Literal, assert_never

from engine.deciding.decider import DomainError, NotFound

CATEGORY: Final = "guest"


@dataclass(frozen=True, slots=True)
class Wish:
    what: str
    count: int


@dataclass(frozen=True, slots=True)
class GuestInvited:
    guest_id: str
    house_id: str
    wishes: tuple[Wish, ...]


@dataclass(frozen=True, slots=True)
class GuestArrived:
    guest_id: str
    house_id: str


@dataclass(frozen=True, slots=True)
class GuestLeft:
    """Has two schemas: the first one called the destination `to`."""

    guest_id: str
    house_id: str
    destination: str


@dataclass(frozen=True, slots=True)
class GuestDismissed:
    guest_id: str
    house_id: str
    reason: str


GuestEvent = GuestInvited | GuestArrived | GuestLeft | GuestDismissed


@dataclass(frozen=True, slots=True)
class InviteGuest:
    guest_id: str
    house_id: str
    wishes: tuple[Wish, ...]


@dataclass(frozen=True, slots=True)
class WelcomeGuest:
    pass


@dataclass(frozen=True, slots=True)
class SeeOffGuest:
    destination: str


@dataclass(frozen=True, slots=True)
class DismissGuest:
    reason: str


GuestCommand = InviteGuest | WelcomeGuest | SeeOffGuest | DismissGuest


class GuestNotFound(NotFound):
    def __init__(self) -> None:
        super().__init__("There is no such guest.")


class GuestAlreadyInvited(DomainError):
    def __init__(self) -> None:
        super().__init__("A guest with this id has already been invited.")


class GuestHasNotArrived(DomainError):
    def __init__(self) -> None:
        super().__init__("The guest has not arrived yet.")


class GuestHasLeft(DomainError):
    def __init__(self) -> None:
        super().__init__("The guest has already left.")


class GuestIsDismissed(DomainError):
    def __init__(self) -> None:
        super().__init__("The guest has been dismissed.")


@dataclass(frozen=True, slots=True)
class GuestState:
    guest_id: str = ""
    house_id: str = ""
    status: Literal["unknown", "invited", "present", "gone", "dismissed"] = "unknown"
    destination: str = ""


INITIAL: Final = GuestState()


def decide(command: GuestCommand, state: GuestState) -> tuple[GuestEvent, ...]:
    if isinstance(command, InviteGuest):
        if state.status != "unknown":
            raise GuestAlreadyInvited
        return (GuestInvited(command.guest_id, command.house_id, command.wishes),)
    if state.status == "unknown":
        raise GuestNotFound
    match command:
        case WelcomeGuest():
            return (GuestArrived(state.guest_id, state.house_id),) if state.status == "invited" else ()
        case SeeOffGuest():
            return _see_off(command, state)
        case DismissGuest():
            if state.status == "gone":
                raise GuestHasLeft
            dismissed = GuestDismissed(state.guest_id, state.house_id, command.reason)
            return () if state.status == "dismissed" else (dismissed,)
        case _:
            assert_never(command)


def _see_off(command: SeeOffGuest, state: GuestState) -> tuple[GuestEvent, ...]:
    match state.status:
        case "present":
            return (GuestLeft(state.guest_id, state.house_id, command.destination),)
        case "gone":
            if state.destination == command.destination:
                return ()
            raise GuestHasLeft
        case "dismissed":
            raise GuestIsDismissed
        case _:
            raise GuestHasNotArrived


def evolve(_state: GuestState, event: GuestEvent) -> GuestState:
    match event:
        case GuestInvited():
            return GuestState(event.guest_id, event.house_id, "invited")
        case GuestArrived():
            return GuestState(event.guest_id, event.house_id, "present")
        case GuestLeft():
            return GuestState(event.guest_id, event.house_id, "gone", event.destination)
        case GuestDismissed():
            return GuestState(event.guest_id, event.house_id, "dismissed")
        case _:
            assert_never(event)
