"""A consumer of the feed waits where it is throttled, while the rest of its batch goes on.

If it failed instead, the host would deliver the whole batch again, to be throttled again.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeVar

from engine.errors import Throttled

T = TypeVar("T")

LONGEST: Final = timedelta(minutes=5)
"""One attempt at a batch waits for this long in all; `functionTimeout` of host.json is longer.

The host renews the lease of a batch for as long as its function runs.
"""


@dataclass(frozen=True, slots=True)
class Attempt:
    """Is one attempt at a batch, which ends at `deadline`; `pause(seconds)` waits."""

    deadline: datetime
    clock: Callable[[], datetime]
    pause: Callable[[float], Awaitable[None]]

    @property
    def is_over(self) -> bool:
        return self.clock() >= self.deadline

    async def unthrottled(self, request: Callable[[], Awaitable[T]]) -> T:
        """Returns the result of `request`, which is repeated as long as it is throttled.

        Raises Throttled when the attempt would be over before the next try, and all other errors at once.
        """
        while True:
            try:
                return await request()
            except Throttled as error:
                if self.clock() + timedelta(seconds=error.retry_after) >= self.deadline:
                    raise
                await self.pause(error.retry_after)
