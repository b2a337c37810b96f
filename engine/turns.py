"""Long work on the event loop is done in turns, so that everything else goes on meanwhile."""

import asyncio
import time
from collections.abc import AsyncGenerator, Iterable
from typing import Final, TypeVar

T = TypeVar("T")

_TURN: Final = 0.01
"""Seconds: short beside what a request takes, and long beside what the loop takes to turn."""


async def in_turns(items: Iterable[T]) -> AsyncGenerator[T, None]:
    """Yields the items, and lets the loop turn when what is done with them has taken a while."""
    began = time.perf_counter()
    for item in items:
        yield item
        if time.perf_counter() - began > _TURN:
            await asyncio.sleep(0)
            began = time.perf_counter()
