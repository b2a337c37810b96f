"""The read model `house-beds` shows how many beds a house has, and how many of them are taken."""

from dataclasses import dataclass, replace
from typing import Final, TypedDict, assert_never

from engine.projecting.projection import Projection
from engine.projecting.query import StreamQuery
from engine.storing.events import RecordedEvent
from tests.engine.toy.house import CATEGORY, BedsAdded, BedsRefused, BedsReturned, BedsTaken, HouseEvent


@dataclass(frozen=True, slots=True)
class HouseBeds:
    house_id: str
    beds: int = 0
    taken: int = 0


def project(view: HouseBeds | None, recorded: RecordedEvent[HouseEvent]) -> HouseBeds:
    event = recorded.event
    view = view or HouseBeds(event.house_id)
    match event:
        case BedsAdded():
            return replace(view, beds=view.beds + event.count)
        case BedsTaken():
            return replace(view, taken=view.taken + event.count)
        case BedsRefused():
            return view
        case BedsReturned():
            return replace(view, taken=view.taken - event.count)
        case _:
            assert_never(event)


class Computed(TypedDict):
    free: int


def _computed(view: HouseBeds) -> Computed:
    return {"free": view.beds - view.taken}


HOUSE_BEDS: Final = Projection("house-beds", 1, CATEGORY, HouseBeds, project)

BY_HOUSE: Final = StreamQuery(
    HOUSE_BEDS, parameter="houseId", unknown="This house has never had a bed.", computed=_computed
)
