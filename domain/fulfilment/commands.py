"""What the process is reminded of."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AbandonFulfilment:
    """The time for the whole has passed: an order that is not being confirmed by now is cancelled."""
