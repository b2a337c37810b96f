"""Those who ask for the same at about the same time share one reading of it."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Shared(Generic[T]):
    """Holds what was read last, for those that ask while it is read, or within `fresh_for` seconds of its beginning.

    `monotonic` is a clock in seconds.
    """

    def __init__(self, fresh_for: float, monotonic: Callable[[], float]) -> None:
        self._fresh_for = fresh_for
        self._monotonic = monotonic
        self._reading: asyncio.Task[T] | None = None
        self._begun = 0.0

    async def get(self, read: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Returns what was read, or what `read` returns, which has a bound of its own. Its failure is shared as well.

        A caller that is cancelled leaves the reading to the others.
        """
        reading = self._reading
        if reading is None or (reading.done() and self._monotonic() - self._begun >= self._fresh_for):
            self._begun = self._monotonic()
            self._reading = reading = asyncio.create_task(read())
            reading.add_done_callback(_seen)
        return await asyncio.shield(reading)


def _seen(reading: "asyncio.Task[Any]") -> None:
    """Looks at the error: where every caller has left, nobody else does, and asyncio would complain."""
    if not reading.cancelled():
        reading.exception()
