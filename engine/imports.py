"""A value is made on first use; one that needs expensive imports is made in a thread.

An import would block the event loop that all invocations of the worker process share.
"""

import asyncio
import gc
import threading
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Final, Generic, TypeVar

T = TypeVar("T")

_importing: Final = threading.Lock()


class OnFirstUse(Generic[T]):
    """Holds what `make` returns. All that ask before it is made share one attempt, and its failure."""

    def __init__(self, make: Callable[[], Coroutine[Any, Any, T]]) -> None:
        self._make = make
        self._attempt: asyncio.Task[T] | None = None

    async def get(self) -> T:
        """Returns the value. Raises whatever `make` raises; the next call tries again.

        A caller that is cancelled leaves the attempt to the others.
        """
        return await asyncio.shield(self.begun())

    def begun(self) -> asyncio.Task[T]:
        """Returns the attempt that is under way or has succeeded, which is begun if there is none."""
        if self._attempt is None or _failed(self._attempt):
            self._attempt = asyncio.create_task(self._make())
        return self._attempt


def imported(make: Callable[[], T]) -> OnFirstUse[T]:
    """Returns a holder of what `make` returns, imports included."""
    return OnFirstUse(partial(off_the_loop, make))


async def off_the_loop(make: Callable[[], T]) -> T:
    """Returns what `make` returns, called in a thread, where it may import."""
    return await asyncio.to_thread(_one_at_a_time, make)


def _failed(attempt: asyncio.Task[T]) -> bool:
    return attempt.done() and (attempt.cancelled() or attempt.exception() is not None)


def _one_at_a_time(make: Callable[[], T]) -> T:
    """Calls `make`: two threads that import modules of one cycle may see a module half loaded."""
    with _importing:
        return _without_collector(make)


def _without_collector(make: Callable[[], T]) -> T:
    """Calls `make` without the garbage collector.

    Imports create objects that stay: the collector took a tenth of their processor time.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        return make()
    finally:
        if collects:
            gc.enable()
