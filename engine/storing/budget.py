"""What a tool asks of Cosmos DB is bounded, so that the service keeps the rest of the throughput."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

_LEAST_WAIT: Final = 0.01


@dataclass(slots=True)
class Budget:
    """Has so many request units a second, and saves none: what was charged beyond them is waited for.

    `monotonic()` and `sleep(seconds)` are in seconds.
    """

    per_second: float
    monotonic: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]
    _used_until: float = float("-inf")
    """By then, there was time for all that was charged."""

    def charge(self, units: float) -> None:
        self._used_until = max(self._used_until, self.monotonic()) + units / self.per_second

    async def room(self) -> None:
        """Returns once there was time for all that was charged so far."""
        while (wait := self._used_until - self.monotonic()) > 0:
            await self.sleep(max(wait, _LEAST_WAIT))
