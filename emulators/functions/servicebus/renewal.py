"""Keeping a lock for as long as a message is worked on."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from emulators.functions.servicebus.errors import BusError, BusUnavailableError

# A lock is renewed so long before its end, or at half of what is left if that is later.
_AHEAD_S = 10.0
# Below this the broker's clock and this one must differ: no reason to ask without pause.
_SHORTEST_S = 0.05


class Renewal:
    """Renews one lock from its creation until `stop`, for at most `longest` seconds (None: without end).

    `renew` gives the time to which the lock now lives, in seconds since the epoch. What it raises ends the renewal,
    unless the broker was only away, and goes to `on_error`.
    """

    def __init__(
        self,
        renew: Callable[[], Awaitable[float]],
        locked_until: float,
        longest: float | None,
        on_error: Callable[[BusError], None],
    ) -> None:
        self._renew = renew
        self._longest = longest
        self._on_error = on_error
        self._loop = asyncio.get_running_loop()
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._ends = 0.0
        self.locked_until = locked_until
        self.restart()

    def restart(self) -> None:
        """Count `longest` from now: another message is worked on under the same lock."""
        self._ends = float("inf") if self._longest is None else self._loop.time() + self._longest
        if self._timer is None and self._task is None:
            self._plan()

    def stop(self) -> None:
        """Renew no more."""
        self._longest = 0.0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._task is not None:
            self._task.cancel()

    def _plan(self) -> None:
        left = self.locked_until - time.time()
        delay = max(left - min(left / 2, _AHEAD_S), _SHORTEST_S)
        if self._loop.time() + delay < self._ends:
            self._timer = self._loop.call_later(delay, self._begin)

    def _begin(self) -> None:
        self._timer = None
        self._task = self._loop.create_task(self._run())

    async def _run(self) -> None:
        try:
            self.locked_until = await self._renew()
        except BusUnavailableError as error:
            self._on_error(error)
        except BusError as error:
            self._ends = 0.0
            self._on_error(error)
        finally:
            self._task = None
        self._plan()
