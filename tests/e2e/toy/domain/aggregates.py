"""Every aggregate of this service."""

from typing import Any, Final

from domain.guest import events
from domain.guest.commands import GuestCommand
from domain.guest.decisions import GUEST as DECIDER
from domain.guest.events import GuestEvent
from domain.guest.state import GuestState

from domain.aggregate import Aggregate

GUEST: Final[Aggregate[GuestCommand, GuestEvent, GuestState]] = Aggregate(events.CATEGORY, DECIDER, events.WIRE_NAMES)

AGGREGATES: Final[tuple[Aggregate[Any, Any, Any], ...]] = (GUEST,)
