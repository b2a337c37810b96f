"""Consumers of the bus remember for a while which sessions are parked, instead of reading it for each message."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from engine.consuming.parked.port import ParkedStore

KEPT_FOR: Final = 2.0
"""In seconds. Whoever parks a session holds its message for so long before it is completed.

Nobody else gets a message of that session meanwhile, and afterwards everybody knows that it is parked.
"""


@dataclass(frozen=True, slots=True)
class KnownSessions:
    """Answers which sessions are parked, by what a consumer has read in the last `KEPT_FOR` seconds."""

    parked: ParkedStore
    monotonic: Callable[[], float]
    _read: dict[str, tuple[float, frozenset[str]]] = field(default_factory=dict)

    async def of(self, consumer: str) -> frozenset[str]:
        """Returns the ids of the parked sessions. Raises AdapterError."""
        asked_at = self.monotonic()
        read_at, sessions = self._read.get(consumer, (-KEPT_FOR, frozenset()))
        if asked_at - read_at >= KEPT_FOR:
            sessions = await self.parked.sessions(consumer)
            self._read[consumer] = asked_at, sessions
        return sessions

    def forget(self, consumer: str) -> None:
        """Makes the next question read the store."""
        self._read.pop(consumer, None)
