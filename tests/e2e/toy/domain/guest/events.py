"""What happened with a guest. Storage format: these names and fields lie in the store for ever."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class GuestArrived:
    guest: str
    room: int


@dataclass(frozen=True, slots=True)
class GuestLeft:
    guest: str


GuestEvent = GuestArrived | GuestLeft

CATEGORY: Final = "guest"

WIRE_NAMES: Final[Mapping[str, type]] = {"GuestArrived": GuestArrived, "GuestLeft": GuestLeft}
