"""Snapshots that are due are written after the answer to the command that made them due."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any, Final

from engine.commands.stream_state import StreamState
from engine.deciding.aggregate import Aggregate

MAX_DUE: Final = 100
"""When more streams than these wait for a snapshot, the one that has waited longest gets none."""

Keep = Callable[[Aggregate[Any, Any, Any], str, StreamState[Any]], Awaitable[None]]


class DueSnapshots:
    """Holds one state per stream, the newest, and writes them one after the other with `keep`.

    A process that ends loses what it has not written: the next load folds more events.
    """

    def __init__(self, keep: Keep) -> None:
        self._keep = keep
        self._due: OrderedDict[str, tuple[Aggregate[Any, Any, Any], StreamState[Any]]] = OrderedDict()
        self._task: asyncio.Task[None] | None = None

    def add(self, aggregate: Aggregate[Any, Any, Any], stream_id: str, state: StreamState[Any]) -> None:
        self._due[stream_id] = aggregate, state
        if len(self._due) > MAX_DUE:
            self._due.popitem(last=False)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._write())

    async def idle(self) -> None:
        """Returns once nothing is due."""
        if self._task is not None:
            await asyncio.wait([self._task])

    async def _write(self) -> None:
        while self._due:
            stream_id, (aggregate, state) = self._due.popitem(last=False)
            await self._keep(aggregate, stream_id, state)
