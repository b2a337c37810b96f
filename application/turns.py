"""Commands on one stream take turns inside a process: otherwise each would make the others conflict."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from application.errors import TooBusy

MAX_WAITING: Final = 100


@dataclass(slots=True)
class _Queue:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: int = 0


class Turns:
    """One queue per stream in use, first come first served. A cancelled waiter leaves the queue."""

    def __init__(self) -> None:
        self._queues: dict[str, _Queue] = {}

    @asynccontextmanager
    async def turn(self, stream_id: str) -> AsyncIterator[None]:
        """Raises TooBusy when `MAX_WAITING` commands wait already."""
        queue = self._queues.setdefault(stream_id, _Queue())
        if queue.waiting > MAX_WAITING:
            raise TooBusy(f"{MAX_WAITING} commands are waiting for this stream")
        queue.waiting += 1
        try:
            async with queue.lock:
                yield
        finally:
            queue.waiting -= 1
            if queue.waiting == 0:
                self._queues.pop(stream_id, None)
