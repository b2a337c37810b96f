"""A value that needs expensive imports is created on first use, imports included.

This happens in a thread: an import would block the event loop that all invocations of the worker process share.
"""

import asyncio
import gc
import threading
from collections.abc import Callable
from typing import Final, Generic, TypeVar

T = TypeVar("T")

_importing: Final = threading.Lock()


class OnFirstUse(Generic[T]):
    """Holds what `make` returns. `make` is called once, in a thread, when the value is first asked for."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._made: list[T] = []

    async def get(self) -> T:
        """Returns the value. Raises whatever `make` raises; the next call tries again."""
        return self._made[0] if self._made else await asyncio.to_thread(self._once)

    def _once(self) -> T:
        # Two threads that import modules of one cycle may see a module half loaded, so one imports at a time.
        with _importing:
            if not self._made:
                self._made.append(_without_collector(self._make))
            return self._made[0]


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
