"""What a piece of work costs at Cosmos DB is counted for whoever asks: in request units, as its answers say them."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final


@dataclass(slots=True)
class Charge:
    units: float = 0.0


_counted: Final = ContextVar[Charge | None]("counted", default=None)


@contextmanager
def counted() -> Iterator[Charge]:
    """Counts the round trips that are made in the block, also by tasks that are begun there."""
    charge = Charge()
    token = _counted.set(charge)
    try:
        yield charge
    finally:
        _counted.reset(token)


def add(units: float) -> None:
    """Adds what a round trip was charged to the work that it is part of, if that is counted."""
    charge = _counted.get()
    if charge is not None:
        charge.units += units
