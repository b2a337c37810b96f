"""What happened to the stock of one sku.

Storage format: these names and fields lie in the store for ever. A change of either needs a new schema and an
upcaster in `aggregate.py`; a golden file per schema holds it to that.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StockReceived:
    sku: str
    quantity: int


@dataclass(frozen=True, slots=True)
class StockReserved:
    sku: str
    order_id: str
    quantity: int


@dataclass(frozen=True, slots=True)
class StockReservationRefused:
    """`available` is what could have been reserved instead."""

    sku: str
    order_id: str
    quantity: int
    available: int


@dataclass(frozen=True, slots=True)
class StockReleased:
    """A reservation was given back: the units are available again."""

    sku: str
    order_id: str
    quantity: int


@dataclass(frozen=True, slots=True)
class StockDispatched:
    """Reserved units left the house with the shipment of their order."""

    sku: str
    order_id: str
    quantity: int


StockEvent = StockReceived | StockReserved | StockReservationRefused | StockReleased | StockDispatched
