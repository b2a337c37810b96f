"""One guest: where they are, and how often they came."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, assert_never

from domain.guest.events import CATEGORY, GuestArrived, GuestEvent, GuestLeft

from eventstore.events import Recorded
from projections.projection import Projection


@dataclass(frozen=True, slots=True)
class GuestPage:
    guest: str
    room: int | None
    visits: int
    since: datetime


def project(view: GuestPage | None, recorded: Recorded[GuestEvent]) -> GuestPage:
    event, at = recorded.event, recorded.occurred_at
    match event:
        case GuestArrived():
            return GuestPage(event.guest, event.room, 1 if view is None else view.visits + 1, at)
        case GuestLeft():
            if view is None:
                raise ValueError("GuestLeft before GuestArrived")
            return replace(view, room=None, since=at)
        case _:
            assert_never(event)


GUEST_BOOK: Final = Projection(
    name="guest-book", generation=1, category=CATEGORY, view_class=GuestPage, project=project
)
