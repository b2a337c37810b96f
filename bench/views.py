"""When a view shows an event, seen from outside: the change feed of the container of views, read often."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from azure.cosmos.aio import ContainerProxy

from bench.feed import changes

RESOLUTION: Final = 0.01
"""Seconds between two looks, and so the error of a time."""


@dataclass(slots=True)
class Watch:
    """`seen` holds for each view id the moment when it was there first, `positions` the version that it shows now."""

    container: ContainerProxy
    seen: dict[str, float] = field(default_factory=dict)
    positions: dict[str, int] = field(default_factory=dict)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def until(self, positions: Iterable[tuple[str, int]], within: float) -> None:
        """Returns when each view has reached its version. Raises TimeoutError."""
        missing = dict(positions)
        async with asyncio.timeout(within):
            while missing := {id_: version for id_, version in missing.items() if self.positions.get(id_, 0) < version}:
                self._changed.clear()
                await self._changed.wait()

    async def follow(self) -> None:
        async for views in changes(self.container, RESOLUTION):
            for view in views:
                if self.positions.get(view["id"]) != view["position"]:
                    self.seen.setdefault(view["id"], time.perf_counter())
                    self.positions[view["id"]] = view["position"]
            self._changed.set()


@asynccontextmanager
async def watching(container: ContainerProxy) -> AsyncIterator[Watch]:
    watch = Watch(container)
    task = asyncio.create_task(watch.follow())
    try:
        yield watch
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
