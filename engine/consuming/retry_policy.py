"""The retry policy tries again while a store, the bus or a deployment is not ready.

The bus delivers a message again at once, and counts deliveries until the message becomes a dead letter. So the handler
waits instead, for as long as the host renews the lock of the message.
"""

import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeVar

from engine.commands.errors import TooBusy
from engine.consuming.errors import TransientFailure
from engine.errors import AccessRefused, Throttled, Unavailable

T = TypeVar("T")

LONGEST: Final = timedelta(minutes=4, seconds=30)
"""One delivery waits for this long in all; `maxAutoLockRenewalDuration` of host.json is longer."""

TRANSIENT: Final = (
    TransientFailure,
    Unavailable,
    AccessRefused,
    TooBusy,
)
"""These errors may go away by themselves, or after an operator or a deployment has acted."""

_LONGEST_PAUSE: Final = 15.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Repeats an attempt that fails with one of `TRANSIENT`; `pause(seconds)` waits between tries.

    What is throttled waits as long as it is asked to, up to 15 seconds.
    """

    clock: Callable[[], datetime]
    pause: Callable[[float], Awaitable[None]]

    async def retry(self, what: str, attempt: Callable[[], Awaitable[T]]) -> T:
        """Returns the result of the first `attempt` that succeeds.

        Raises TransientFailure when `LONGEST` has passed. Raises errors outside `TRANSIENT` at once.
        """
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
                asked_for = error.retry_after if isinstance(error, Throttled) else 0.0
            # At least half of the bound, so that the tries of one session do not crowd a store that is coming back.
            back_off = random.uniform(0.5, 1) * min(_LONGEST_PAUSE, 0.05 * 2**tries)
            await self.pause(max(back_off, min(_LONGEST_PAUSE, asked_for)))
