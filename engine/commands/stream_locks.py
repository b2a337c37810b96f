"""Commands on one stream take its lock, one after the other within a worker process; otherwise they would conflict."""

import asyncio
from dataclasses import dataclass, field
from typing import Final

from engine.commands.errors import TooBusy

MAX_WAITING: Final = 100
"""At most this many commands wait for one stream."""

LONGEST_WAIT: Final = 10.0
"""A command waits for its turn until this many seconds after it came, however often it tries."""


@dataclass(slots=True)
class _Queue:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: int = 0


class StreamLocks:
    """Keeps one queue for each stream in use, first come, first served. A cancelled command leaves the queue."""

    def __init__(self) -> None:
        self._queues: dict[str, _Queue] = {}

    def held(self, stream_id: str, give_up_at: float) -> "_Lock":
        """Returns the lock as a context.

        Entering it raises TooBusy when `MAX_WAITING` commands wait already, and at `give_up_at`, a time of the loop.
        """
        return _Lock(self._queues, stream_id, give_up_at)


class _Lock:
    """Is a class, since every command takes a lock: a context made of a generator costs three times as much."""

    __slots__ = ("_give_up_at", "_queue", "_queues", "_stream_id")

    def __init__(self, queues: dict[str, _Queue], stream_id: str, give_up_at: float) -> None:
        self._give_up_at = give_up_at
        self._queues = queues
        self._stream_id = stream_id
        self._queue = queues.setdefault(stream_id, _Queue())

    async def __aenter__(self) -> None:
        if self._queue.waiting > MAX_WAITING:
            raise TooBusy(f"{MAX_WAITING} commands are waiting for this stream")
        self._queue.waiting += 1
        if self._queue.waiting == 1:
            # Nobody holds it: most commands need no timer, which would cost several times as much as the lock.
            await self._queue.lock.acquire()
            return
        try:
            async with asyncio.timeout_at(self._give_up_at):
                await self._queue.lock.acquire()
        except TimeoutError:
            self._leave()
            raise TooBusy("the commands before it take too long") from None
        except BaseException:
            self._leave()
            raise

    async def __aexit__(self, *_: object) -> None:
        self._queue.lock.release()
        self._leave()

    def _leave(self) -> None:
        self._queue.waiting -= 1
        if self._queue.waiting == 0:
            self._queues.pop(self._stream_id, None)
