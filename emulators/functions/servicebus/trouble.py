"""A broker that is away or refuses: said, and tried again with growing delays."""

import asyncio

from emulators.functions.console import Console
from emulators.functions.servicebus.errors import BusError
from emulators.functions.servicebus.options import RetryOptions


class Trouble:
    """What one function has with its broker. Several tasks may run into it; it is said once for each delay.

    `sessions` is what the binding says: the broker refuses what does not fit its entity in words of its own.
    Delays grow as those of the SDK do: from `delay`, doubled `max_retries` times, never above `max_delay`. The
    SDK would begin again from there; here they stay. An error that time does not heal is repeated with them.
    """

    def __init__(self, function: str, entity: str, sessions: bool, retry: RetryOptions, console: Console) -> None:
        self._function = function
        self._entity = entity
        self._sessions = sessions
        self._retry = retry
        self._console = console
        self._attempts = 0
        self._until = 0.0

    async def wait(self, error: BusError) -> None:
        """Say what happened, and wait for the time of the next attempt."""
        now = asyncio.get_running_loop().time()
        if now >= self._until:
            growth = 2.0 ** min(self._attempts, self._retry.max_retries) if self._retry.exponential else 1.0
            delay = min(self._retry.delay * growth, self._retry.max_delay)
            self._attempts += 1
            self._until = now + delay
            self._console.line(
                f"{self._function} cannot receive from '{self._entity}': {self._said(error)}; again in {delay:.2g} s"
            )
        await asyncio.sleep(self._until - now)

    def over(self) -> None:
        """The broker answers again."""
        if self._attempts:
            self._console.line(f"{self._function} receives from '{self._entity}' again")
        self._attempts = 0
        self._until = 0.0

    def _said(self, error: BusError) -> str:
        text = str(error).rstrip(".")
        if error.condition != "amqp:not-allowed":
            return text
        return f"{text} (isSessionsEnabled is {str(self._sessions).lower()} in the binding)"
