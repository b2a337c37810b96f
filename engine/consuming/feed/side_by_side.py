"""Several ranges of a feed are read at once, by whoever reads all of it."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, TypeVar

T = TypeVar("T")

RANGES_AT_ONCE: Final = 4


async def side_by_side(work: Iterable[Callable[[], Awaitable[T]]]) -> list[T]:
    """Returns what all of them do, of which `RANGES_AT_ONCE` go on at a time.

    Raises the error of the first that fails, once the others are cancelled.
    """
    slots = asyncio.Semaphore(RANGES_AT_ONCE)

    async def one(each: Callable[[], Awaitable[T]]) -> T:
        async with slots:
            return await each()

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(each)) for each in work]
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return [task.result() for task in tasks]
