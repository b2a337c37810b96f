"""The guest as an aggregate: its streams are `guest-<guest>`."""

from typing import Final

from domain.guest.commands import VOCABULARY, GuestCommand
from domain.guest.decisions import decide
from domain.guest.events import GuestEvent
from domain.guest.state import INITIAL, GuestState, evolve
from engine.deciding.aggregate import Aggregate
from engine.deciding.decider import Decider

GUEST: Final[Aggregate[GuestCommand, GuestEvent, GuestState]] = Aggregate(
    "guest",
    Decider(INITIAL, decide, evolve),
    events=GuestEvent,
    commands=GuestCommand,
    vocabulary=VOCABULARY,
)
