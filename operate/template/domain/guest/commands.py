"""What can be asked of a guest."""

from dataclasses import dataclass
from typing import Final

VOCABULARY: Final = 1
"""Raise it when the events or commands of a guest can say anything else: earlier builds know by it what is newer."""


@dataclass(frozen=True, slots=True)
class Arrive:
    guest: str
    room: int


@dataclass(frozen=True, slots=True)
class Leave:
    pass


GuestCommand = Arrive | Leave
