"""The read model `house-guests` lists the guests of a house, newest first.

It has one view per guest, in the partition of the house.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, assert_never

from engine.projecting.projection import Projection
from engine.projecting.query import PageQuery
from engine.storing.events import RecordedEvent
from tests.engine.toy.guest import CATEGORY, GuestArrived, GuestDismissed, GuestEvent, GuestInvited, GuestLeft
from tests.engine.toy.read_models.guest_details import Status


@dataclass(frozen=True, slots=True)
class HouseGuest:
    guest_id: str
    house_id: str
    status: Status
    invited_at: datetime


def project(view: HouseGuest | None, recorded: RecordedEvent[GuestEvent]) -> HouseGuest:
    """Returns the view after the event. Raises ValueError if the stream does not begin with GuestInvited."""
    event = recorded.event
    if isinstance(event, GuestInvited):
        return HouseGuest(event.guest_id, event.house_id, "invited", recorded.occurred_at)
    if view is None:
        raise ValueError(f"{type(event).__name__} before GuestInvited")
    match event:
        case GuestArrived():
            return replace(view, status="arrived")
        case GuestLeft():
            return replace(view, status="left")
        case GuestDismissed():
            return replace(view, status="dismissed")
        case _:
            assert_never(event)


def _house(recorded: RecordedEvent[GuestEvent]) -> str:
    return recorded.event.house_id


def _addressing(view: HouseGuest) -> Mapping[str, str]:
    time = view.invited_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return {"houseId": view.house_id, "sortKey": f"{time}~{view.guest_id}"}


HOUSE_GUESTS: Final = Projection(
    "house-guests",
    1,
    CATEGORY,
    HouseGuest,
    project,
    partition_key="houseId",
    partition=_house,
    addressing=_addressing,
    indexed=("sortKey",),
)

_SORT_KEY: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z~[A-Za-z0-9._-]{1,64}", re.ASCII)

BY_HOUSE: Final = PageQuery(HOUSE_GUESTS, parameter="houseId", items="guests", sort_key=_SORT_KEY)
