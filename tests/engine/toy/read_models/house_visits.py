"""The read model `house-visits` counts, by minute and house, guests that come and go, and beds that they take."""

import re
from collections.abc import Iterable
from typing import Final, TypedDict

from engine.projecting.counting.port import Sums
from engine.projecting.counting.rollup import Contribution, Rollup
from engine.projecting.query import MinutesQuery
from engine.storing.events import RecordedEvent
from tests.engine.toy import guest, house
from tests.engine.toy.guest import GuestArrived, GuestEvent, GuestInvited, GuestLeft
from tests.engine.toy.house import BedsReturned, BedsTaken, HouseEvent


def contributions(
    recorded: RecordedEvent[GuestEvent | HouseEvent], first: RecordedEvent[GuestEvent] | None
) -> Iterable[Contribution]:
    """Raises ValueError if somebody leaves who was never invited."""
    match recorded.event:
        case GuestArrived(house_id=house_id):
            return (Contribution(_series(house_id), "arrivals", 1),)
        case GuestLeft():
            if first is None or not isinstance(first.event, GuestInvited):
                raise ValueError("GuestLeft without GuestInvited")
            return (Contribution(_series(first.event.house_id), "departures", 1),)
        case BedsTaken(house_id=house_id, count=count):
            return (Contribution(_series(house_id), "beds", count),)
        case BedsReturned(house_id=house_id, count=count):
            return (Contribution(_series(house_id), "beds", -count),)
        case _:
            return ()


def _series(house_id: str) -> str:
    """Houses without a name of a few letters count together."""
    return house_id if re.fullmatch("[a-z]{1,8}", house_id) else "others"


HOUSE_VISITS: Final = Rollup("house-visits", 1, (guest.CATEGORY, house.CATEGORY), contributions, (GuestLeft,))


class Visits(TypedDict):
    arrivals: int
    departures: int
    beds: int


def _shown(_: str, sums: Sums) -> Visits:
    return {
        "arrivals": sums.get("arrivals", 0),
        "departures": sums.get("departures", 0),
        "beds": sums.get("beds", 0),
    }


BY_TIME: Final = MinutesQuery(HOUSE_VISITS, series="houseId", shown=_shown)
