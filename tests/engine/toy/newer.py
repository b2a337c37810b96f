"""The next build of the toy domain can say more, in every way in which a build can.

There is a new command with its event, a field more in an event, in a command that may wait in a queue, and in a view,
and a process that is concerned with an event that the build before leaves aside, and with a new one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from engine.assembly import Domain
from engine.deciding.aggregate import Aggregate
from engine.deciding.decider import Decider
from engine.deciding.process import Issued, Process
from engine.projecting.projection import Projection
from engine.storing.events import RecordedEvent
from tests.engine.toy import greeting, guest
from tests.engine.toy.greeting import Greeted, Parted, Remind, Reminded
from tests.engine.toy.guest import GuestArrived, GuestDismissed, GuestLeft, InviteGuest, SeeOffGuest, WelcomeGuest, Wish
from tests.engine.toy.house import ReturnBeds
from tests.engine.toy.read_models import guest_details
from tests.engine.toy.registry import GREETING as FORMER_GREETING
from tests.engine.toy.registry import GUEST as FORMER_GUEST
from tests.engine.toy.registry import HOUSE


@dataclass(frozen=True, slots=True)
class GuestInvited:
    """Has two schemas: the first one did not say who invites."""

    guest_id: str
    house_id: str
    wishes: tuple[Wish, ...]
    host: str


@dataclass(frozen=True, slots=True)
class GuestPraised:
    guest_id: str
    words: str


GuestEvent = GuestInvited | GuestArrived | GuestLeft | GuestDismissed | GuestPraised


@dataclass(frozen=True, slots=True)
class DismissGuest:
    """Has two schemas: the first one did not say whether it may be told."""

    reason: str
    told: bool


@dataclass(frozen=True, slots=True)
class PraiseGuest:
    words: str


GuestCommand = InviteGuest | WelcomeGuest | SeeOffGuest | DismissGuest | PraiseGuest


def decide(command: GuestCommand, state: guest.GuestState) -> tuple[GuestEvent, ...]:
    if isinstance(command, PraiseGuest):
        if state.status == "unknown":
            raise guest.GuestNotFound
        return (GuestPraised(state.guest_id, command.words),)
    if isinstance(command, DismissGuest):
        reason = command.reason if command.told else "untold"
        return guest.decide(guest.DismissGuest(reason), state)  # type: ignore[return-value]  # gives no invitation
    if isinstance(command, InviteGuest) and state.status == "unknown":
        return (GuestInvited(command.guest_id, command.house_id, command.wishes, "nobody"),)
    return guest.decide(command, state)  # type: ignore[return-value]  # gives no invitation either


def evolve(state: guest.GuestState, event: GuestEvent) -> guest.GuestState:
    match event:
        case GuestPraised():
            return state
        case GuestInvited():
            return guest.evolve(state, guest.GuestInvited(event.guest_id, event.house_id, event.wishes))
        case _:
            return guest.evolve(state, event)


def _with_host(data: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**data, "host": "nobody"}


def _told(data: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**data, "told": True}


GUEST: Final[Aggregate[GuestCommand, GuestEvent, guest.GuestState]] = Aggregate(
    guest.CATEGORY,
    Decider(guest.INITIAL, decide, evolve),
    events=GuestEvent,
    commands=GuestCommand,
    upcasters={**FORMER_GUEST.upcasters, GuestInvited: (_with_host,), DismissGuest: (_told,)},
    vocabulary=2,
)


Request = DismissGuest | ReturnBeds | Remind


@dataclass(frozen=True, slots=True)
class NewGreeted:
    """Is the event `Greeted` of schema 2: the command in it has changed."""

    guest_id: str
    issued: tuple[Issued[Request], ...]


@dataclass(frozen=True, slots=True)
class Cheered:
    guest_id: str
    words: str
    issued: tuple[Issued[Request], ...] = ()


@dataclass(frozen=True, slots=True)
class Welcomed:
    guest_id: str
    issued: tuple[Issued[Request], ...] = ()


GreetingInput = GuestInvited | GuestArrived | GuestLeft | GuestPraised | Remind
GreetingEvent = NewGreeted | Reminded | Parted | Cheered | Welcomed


def react(happened: GreetingInput, _reacted: bool) -> tuple[GreetingEvent, ...]:
    match happened:
        case GuestPraised():
            return (Cheered(happened.guest_id, happened.words),)
        case GuestArrived():
            return (Welcomed(happened.guest_id),)
        case GuestInvited():
            dismiss = Issued("guest", happened.guest_id, DismissGuest("nobody came", told=True), after_seconds=60)
            wake_up = Issued(greeting.CATEGORY, happened.guest_id, Remind(), after_seconds=30)
            return (NewGreeted(happened.guest_id, (dismiss, wake_up)),)
        case _:
            return greeting.react(happened, _reacted)  # type: ignore[return-value]  # gives no Greeted


def _greeted(data: Mapping[str, Any]) -> Mapping[str, Any]:
    def told(issued: Mapping[str, Any]) -> Mapping[str, Any]:
        command = issued["command"]
        return {**issued, "command": _told(command)} if command["type"] == "DismissGuest" else issued

    return {**data, "issued": [told(each) for each in data["issued"]]}


GREETING: Final[Process[GreetingInput, GreetingEvent, bool]] = Process(
    aggregate=Aggregate(
        greeting.CATEGORY,
        Decider(False, react, lambda _state, _event: True),
        events=GreetingEvent,
        commands=Remind,
        renamed={NewGreeted: Greeted.__name__},
        upcasters={NewGreeted: (_greeted,)},
        vocabulary=FORMER_GREETING.aggregate.vocabulary + 1,
    ),
    inputs=GuestInvited | GuestArrived | GuestLeft | GuestPraised,
    correlation=lambda happened: str(happened.guest_id),
    issued=lambda event: event.issued,
)


@dataclass(frozen=True, slots=True)
class GuestDetails:
    guest_id: str
    house_id: str
    status: guest_details.Status
    wishes: tuple[Wish, ...]
    invited_at: datetime
    arrived_at: datetime | None = None
    dismissal: guest_details.Dismissal | None = None
    changes: int = 0


def project(view: GuestDetails | None, recorded: RecordedEvent[GuestEvent]) -> GuestDetails:
    event, at = recorded.event, recorded.occurred_at
    if isinstance(event, GuestInvited):
        return GuestDetails(event.guest_id, event.house_id, "invited", event.wishes, at, changes=1)
    assert view is not None
    changed = replace(view, changes=view.changes + 1)
    match event:
        case GuestArrived():
            return replace(changed, status="arrived", arrived_at=at)
        case GuestLeft():
            return replace(changed, status="left")
        case GuestDismissed():
            return replace(changed, status="dismissed", dismissal=guest_details.Dismissal(event.reason, at))
        case _:
            return changed


GUEST_DETAILS: Final = Projection("guest-details", 1, guest.CATEGORY, GuestDetails, project)
DOMAIN: Final = Domain((GUEST, HOUSE, GREETING.aggregate), (GREETING,), (GUEST_DETAILS,))
