"""One guest: where they are, since when, and how often they came."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, assert_never

from domain.guest.aggregate import GUEST
from domain.guest.events import GuestArrived, GuestEvent, GuestLeft
from engine.projecting.projection import Projection
from engine.projecting.query import StreamQuery
from engine.storing.events import RecordedEvent


@dataclass(frozen=True, slots=True)
class GuestPage:
    guest: str
    room: int | None
    since: datetime
    visits: int


def project(view: GuestPage | None, recorded: RecordedEvent[GuestEvent]) -> GuestPage:
    """Raises ValueError when the stream does not begin with an arrival."""
    event, at = recorded.event, recorded.occurred_at
    if isinstance(event, GuestArrived):
        return GuestPage(event.guest, event.room, at, visits=1 if view is None else view.visits + 1)
    if view is None:
        raise ValueError(f"{type(event).__name__} before GuestArrived")
    match event:
        case GuestLeft():
            return replace(view, room=None, since=at)
        case _:
            assert_never(event)


GUEST_BOOK: Final = Projection(
    name="guest-book", generation=1, category=GUEST.category, view_class=GuestPage, project=project
)

BY_GUEST: Final = StreamQuery(GUEST_BOOK, parameter="guest", unknown="There is no such guest.")
