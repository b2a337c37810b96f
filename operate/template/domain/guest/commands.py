"""What can be asked of a guest."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Arrive:
    guest: str
    room: int


@dataclass(frozen=True, slots=True)
class Leave:
    pass


GuestCommand = Arrive | Leave
