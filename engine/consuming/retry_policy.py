"""Waiting for what comes back by itself.

Redelivery by the bus is immediate, and counted until the message is dead: so the waiting is done in the handler, for as
long as the host renews the lock of the message.
"""

import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeVar

from engine.commands.errors import TooBusy
from engine.consuming.errors import TransientFailure
from engine.errors import AccessRefused, Unavailable
from engine.messaging.wire import NewerMessage
from engine.storing.errors import HistoryLost, NewerEvent

T = TypeVar("T")

LONGEST: Final = timedelta(minutes=4, seconds=30)
"""How long one delivery waits in all; `maxAutoLockRenewalDuration` of host.json is longer."""

TRANSIENT: Final = (
    TransientFailure,
    Unavailable,
    AccessRefused,
    HistoryLost,
    NewerEvent,
    NewerMessage,
    TooBusy,
)
"""What may go away by itself, or by an operator or a deployment."""

_LONGEST_PAUSE: Final = 15.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """`pause(seconds)` waits between tries."""

    clock: Callable[[], datetime]
    pause: Callable[[float], Awaitable[None]]

    async def retry(self, what: str, attempt: Callable[[], Awaitable[T]]) -> T:
        """What `attempt` gives, at last. Raises TransientFailure when patience is at its end; other errors pass."""
        give_up_at = self.clock() + LONGEST
        tries = 0
        while True:
            try:
                return await attempt()
            except TRANSIENT as error:
                tries += 1
                if self.clock() >= give_up_at:
                    raise TransientFailure(f"{what} goes back to the bus: {error}") from error
                _log.warning("%s waits: %s", what, error)
            # Half of it at least, so that the tries of one session do not crowd a store that is coming back.
            await self.pause(random.uniform(0.5, 1) * min(_LONGEST_PAUSE, 0.05 * 2**tries))
