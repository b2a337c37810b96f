"""The clock of a service of the local cloud: what it says of time follows it, and tests move it."""

from __future__ import annotations

import time
from collections.abc import Callable


class Clock:
    """Wall time in seconds since the epoch, shifted by `advance` or held by `freeze`."""

    def __init__(self, source: Callable[[], float] = time.time) -> None:
        self._source = source
        self._offset = 0.0
        self._held: float | None = None

    def now(self) -> float:
        return self._source() + self._offset if self._held is None else self._held

    def seconds(self) -> int:
        """Now in whole seconds."""
        return int(self.now())

    def advance(self, seconds: float) -> None:
        if self._held is None:
            self._offset += seconds
        else:
            self._held += seconds

    def freeze(self) -> None:
        self._held = self.now()

    def resume(self) -> None:
        """Run on from the moment at which the clock was frozen."""
        if self._held is not None:
            self._offset = self._held - self._source()
            self._held = None
