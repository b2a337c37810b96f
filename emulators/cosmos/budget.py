"""Provisioned throughput, when it is to be felt: request units per second and container, 429 beyond them."""

from __future__ import annotations

import time
from collections.abc import Callable

from emulators.cosmos.container import Container
from emulators.cosmos.errors import request_rate_too_large


class Budget:
    """A container may spend `units_per_second` in every second, which `hurry` makes shorter; None lets all pass."""

    def __init__(
        self, units_per_second: float | None, hurry: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._limit = units_per_second
        self._seconds = 1 / hurry
        self._clock = clock
        self._spent: dict[str, tuple[int, float]] = {}

    def check(self, container: Container | None) -> None:
        """Raises 429/3200 that asks to wait for the next second."""
        if self._limit is None or container is None:
            return
        now = self._clock() / self._seconds
        second, spent = self._spent.get(container.rid, (int(now), 0.0))
        if second == int(now) and spent >= self._limit:
            raise request_rate_too_large(max(1, round((second + 1 - now) * self._seconds * 1000)))

    def spend(self, container: Container | None, charge: float) -> None:
        if self._limit is None or container is None:
            return
        now = int(self._clock() / self._seconds)
        second, spent = self._spent.get(container.rid, (now, 0.0))
        self._spent[container.rid] = (now, charge + (spent if second == now else 0.0))
