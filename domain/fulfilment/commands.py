"""What the process is reminded of."""

from dataclasses import dataclass
from typing import Final

VOCABULARY: Final = 1
"""Raise it when the process can say or hear anything else: earlier builds know by it what is newer."""


@dataclass(frozen=True, slots=True)
class AbandonFulfilment:
    """The time for the whole has passed: an order that is not being confirmed by now is cancelled."""
