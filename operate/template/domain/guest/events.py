"""What happened with a guest.

Storage format: these names and fields lie in the store for ever. A change of either needs a new schema and an
upcaster in `aggregate.py`; a golden file per schema holds it to that.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GuestArrived:
    guest: str
    room: int


@dataclass(frozen=True, slots=True)
class GuestLeft:
    guest: str


GuestEvent = GuestArrived | GuestLeft
