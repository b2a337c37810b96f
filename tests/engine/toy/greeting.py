"""The greeting process greets every guest, dismisses those who do not come, and returns the beds of those who left.

It does not check whether it has reacted already: the command handler lets each input count once.
"""

from dataclasses import dataclass
from typing import Final, assert_never

from engine.deciding.process import Issued
from tests.engine.toy.guest import DismissGuest, GuestInvited, GuestLeft
from tests.engine.toy.house import ReturnBeds

CATEGORY: Final = "greeting"


@dataclass(frozen=True, slots=True)
class Remind:
    """Is the timeout of the greeting process."""


Request = DismissGuest | ReturnBeds | Remind


@dataclass(frozen=True, slots=True)
class Greeted:
    guest_id: str
    issued: tuple[Issued[Request], ...]


@dataclass(frozen=True, slots=True)
class Reminded:
    issued: tuple[Issued[Request], ...] = ()


@dataclass(frozen=True, slots=True)
class Parted:
    guest_id: str
    issued: tuple[Issued[Request], ...]


GreetingInput = GuestInvited | GuestLeft | Remind
GreetingEvent = Greeted | Reminded | Parted


def react(happened: GreetingInput, _reacted: bool) -> tuple[GreetingEvent, ...]:
    match happened:
        case GuestInvited():
            dismiss = Issued("guest", happened.guest_id, DismissGuest("nobody came"), after_seconds=60)
            wake_up = Issued(CATEGORY, happened.guest_id, Remind(), after_seconds=30)
            return (Greeted(happened.guest_id, (dismiss, wake_up)),)
        case GuestLeft():
            beds = Issued("house", happened.house_id, ReturnBeds(happened.house_id, happened.guest_id))
            return (Parted(happened.guest_id, (beds,)),)
        case Remind():
            return (Reminded(),)
        case _:
            assert_never(happened)
