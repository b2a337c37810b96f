"""The read model `stock-levels` shows one sku: the units on hand, and how many of them are reserved for orders."""

from dataclasses import dataclass, replace
from typing import Final, TypedDict, assert_never

from domain.stock.aggregate import STOCK
from domain.stock.events import (
    StockDispatched,
    StockEvent,
    StockReceived,
    StockReleased,
    StockReservationRefused,
    StockReserved,
)
from engine.projecting.projection import Projection
from engine.projecting.query import StreamQuery
from engine.storing.events import RecordedEvent


@dataclass(frozen=True, slots=True)
class StockLevel:
    sku: str
    on_hand: int = 0
    reserved: int = 0

    @property
    def available(self) -> int:
        return self.on_hand - self.reserved


def project(view: StockLevel | None, recorded: RecordedEvent[StockEvent]) -> StockLevel:
    event = recorded.event
    view = view or StockLevel(event.sku)
    match event:
        case StockReceived():
            return replace(view, on_hand=view.on_hand + event.quantity)
        case StockReserved():
            return replace(view, reserved=view.reserved + event.quantity)
        case StockReservationRefused():
            return view
        case StockReleased():
            return replace(view, reserved=view.reserved - event.quantity)
        case StockDispatched():
            return replace(view, on_hand=view.on_hand - event.quantity, reserved=view.reserved - event.quantity)
        case _:
            assert_never(event)


STOCK_LEVELS: Final = Projection(
    name="stock-levels", generation=1, category=STOCK.category, view_class=StockLevel, project=project
)


class Computed(TypedDict):
    available: int


def _computed(view: StockLevel) -> Computed:
    return {"available": view.available}


BY_SKU: Final = StreamQuery(
    STOCK_LEVELS, parameter="sku", unknown="No units of this sku have ever been received.", computed=_computed
)
