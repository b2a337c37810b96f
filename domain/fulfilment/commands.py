"""What the process is reminded of."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class AbandonFulfilment:
    """The time for the whole has passed: an order that is not being confirmed by now is cancelled."""


WIRE_NAMES: Final[Mapping[str, type]] = {"AbandonFulfilment": AbandonFulfilment}
