"""A broker that is away or refuses: said, and tried again with growing delays."""

import asyncio

from devstack.functions.console import Console
from devstack.functions.servicebus.errors import BusError
from devstack.functions.servicebus.options import RetryOptions


class Trouble:
    """What one function has with its broker. Several tasks may run into it; it is said once for each delay.

    Delays grow from `delay` to `max_delay` of clientRetryOptions, as a rule; an error that time does not heal is
    repeated with them, so that nobody misses it.
    """

    def __init__(self, function: str, entity: str, retry: RetryOptions, console: Console) -> None:
        self._function = function
        self._entity = entity
        self._retry = retry
        self._console = console
        self._attempts = 0
        self._until = 0.0

    async def wait(self, error: BusError) -> None:
        """Say what happened, and wait for the time of the next attempt."""
        now = asyncio.get_running_loop().time()
        if now >= self._until:
            growth = 2.0 ** min(self._attempts, 30) if self._retry.exponential else 1.0
            delay = min(self._retry.delay * growth, self._retry.max_delay)
            self._attempts += 1
            self._until = now + delay
            self._console.line(
                f"{self._function} cannot receive from '{self._entity}': {error}; again in {delay:.1f} s"
            )
        await asyncio.sleep(self._until - now)

    def over(self) -> None:
        """The broker answers again."""
        if self._attempts:
            self._console.line(f"{self._function} receives from '{self._entity}' again")
        self._attempts = 0
        self._until = 0.0
