"""What there is: every aggregate, every process, and the events that somebody outside is notified of."""

from typing import Any, Final

from domain.guest.aggregate import GUEST
from engine.deciding.aggregate import Aggregate
from engine.deciding.process import Process

AGGREGATES: Final[tuple[Aggregate[Any, Any, Any], ...]] = (GUEST,)

NOTIFIED: Final[tuple[type, ...]] = ()
"""The events that are posted to the receiver of notifications."""


def processes() -> tuple[Process[Any, Any, Any], ...]:
    """Guests come and go, and nothing follows from it in other streams."""
    return ()
