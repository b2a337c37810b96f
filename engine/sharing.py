"""Those who ask for the same at about the same time share one reading of it."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
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
        self._known: tuple[float, T] | None = None

    async def get(self, read: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Returns what was read, or what `read` returns, which has a bound of its own. Its failure is shared as well.

        A caller that is cancelled leaves the reading to the others.
        """
        return await asyncio.shield(self._fresh(read))

    async def recent(self, read: Callable[[], Coroutine[Any, Any, T]], usable_for: float) -> T:
        """Returns what was read last, unless that began `usable_for` seconds ago or more: then it is as `get`.

        What is not fresh is read anew meanwhile, for those that ask later: nobody waits for a slow reading.
        """
        reading = self._fresh(read)
        if self._known is not None and self._monotonic() - self._known[0] < usable_for:
            return self._known[1]
        return await asyncio.shield(reading)

    def _fresh(self, read: Callable[[], Coroutine[Any, Any, T]]) -> "asyncio.Task[T]":
        reading = self._reading
        if reading is None or (reading.done() and self._monotonic() - self._begun >= self._fresh_for):
            self._begun = self._monotonic()
            self._reading = reading = asyncio.create_task(read())
            reading.add_done_callback(partial(self._read, self._begun))
        return reading

    def _read(self, begun: float, reading: "asyncio.Task[T]") -> None:
        """Keeps what was read, and looks at an error: where every caller has left, asyncio would complain of it."""
        if not reading.cancelled() and reading.exception() is None:
            self._known = (begun, reading.result())
