"""The read model `guest-details` shows one guest: their wishes, their status, and when what happened."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal, assert_never

from engine.projecting.projection import Projection
from engine.projecting.query import StreamQuery
from engine.storing.events import RecordedEvent
from tests.engine.toy.guest import (
    CATEGORY,
    GuestArrived,
    GuestDismissed,
    GuestEvent,
    GuestInvited,
    GuestLeft,
    Wish,
)

Status = Literal["invited", "arrived", "left", "dismissed"]


@dataclass(frozen=True, slots=True)
class Dismissal:
    reason: str
    dismissed_at: datetime


@dataclass(frozen=True, slots=True)
class GuestDetails:
    guest_id: str
    house_id: str
    status: Status
    wishes: tuple[Wish, ...]
    invited_at: datetime
    arrived_at: datetime | None = None
    dismissal: Dismissal | None = None


def project(view: GuestDetails | None, recorded: RecordedEvent[GuestEvent]) -> GuestDetails:
    """Returns the view after the event. Raises ValueError if the stream does not begin with GuestInvited."""
    event, at = recorded.event, recorded.occurred_at
    if isinstance(event, GuestInvited):
        return GuestDetails(event.guest_id, event.house_id, "invited", event.wishes, at)
    if view is None:
        raise ValueError(f"{type(event).__name__} before GuestInvited")
    match event:
        case GuestArrived():
            return replace(view, status="arrived", arrived_at=at)
        case GuestLeft():
            return replace(view, status="left")
        case GuestDismissed():
            return replace(view, status="dismissed", dismissal=Dismissal(event.reason, at))
        case _:
            assert_never(event)


GUEST_DETAILS: Final = Projection("guest-details", 1, CATEGORY, GuestDetails, project, indexed=("view/status",))

BY_GUEST: Final = StreamQuery(GUEST_DETAILS, parameter="guestId", unknown="There is no such guest.", at_moments=True)
