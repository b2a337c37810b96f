"""A gauge is exported as it was set last, but not for long: another process may set it next, or nobody."""

import time
from collections.abc import Callable, Iterator
from typing import Final

from opentelemetry.metrics import CallbackOptions, Observation

from engine.telemetry.spans import Attributes

LAST_FOR: Final = 90.0
"""In seconds: what is measured once a minute is exported at least once, and twice at most."""


class LastValues:
    """Holds the last value of each series of a gauge. A gauge of the SDK would export it until the process ends."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._last: dict[frozenset[tuple[str, str | int | float | bool]], tuple[float, Observation]] = {}

    def set(self, value: float, attributes: Attributes) -> None:
        self._last[frozenset(attributes.items())] = self._monotonic(), Observation(value, attributes)

    def observed(self, _: CallbackOptions) -> Iterator[Observation]:
        """Yields what was set in the last `LAST_FOR` seconds; each exporter asks for itself, in a thread of its own."""
        now = self._monotonic()
        yield from [each for at, each in list(self._last.values()) if now - at < LAST_FOR]
