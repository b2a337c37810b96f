"""What is made on first use, imports and all.

In a thread: an import would hold up the loop that all invocations of the process share.
"""

import asyncio
import gc
import threading
from collections.abc import Callable
from typing import Final, Generic, TypeVar

T = TypeVar("T")

_importing: Final = threading.Lock()


class OnFirstUse(Generic[T]):
    """Holds what `make` makes, once: it imports what it needs, and is called in a thread when it is first asked for."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._made: list[T] = []

    async def get(self) -> T:
        """Raises whatever `make` raises; the next call tries again."""
        return self._made[0] if self._made else await asyncio.to_thread(self._once)

    def _once(self) -> T:
        # Two threads that import modules which import each other may meet half a module: one at a time.
        with _importing:
            if not self._made:
                self._made.append(_without_collector(self._make))
            return self._made[0]


def _without_collector(make: Callable[[], T]) -> T:
    """Imports make objects that stay: looking for garbage among them took a tenth of their processor time."""
    collects = gc.isenabled()
    gc.disable()
    try:
        return make()
    finally:
        if collects:
            gc.enable()
