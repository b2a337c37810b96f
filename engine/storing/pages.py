"""A stream of any length is read page by page: a page that fails is read again, and the loop goes on between two."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import Final, TypeVar

from engine.errors import Throttled, Unavailable
from engine.storing.events import StoredEvent
from engine.storing.port import PAGE, EventStore

T = TypeVar("T")

_TRIES: Final = 5


async def pages(
    store: EventStore, stream_id: str, after: int = 0, last: int | None = None
) -> AsyncGenerator[Sequence[StoredEvent], None]:
    """Yields the events with a version above `after`, and up to `last` if it is given, a page at a time.

    No page is empty, and nothing is held between two: a reader may leave. Raises what the store raises when it has
    failed several times for the same page.
    """
    failures: tuple[type[Unavailable], ...] = (Throttled,)
    while last is None or after < last:
        limit = PAGE if last is None else min(PAGE, last - after)
        page = await insist(lambda: store.read(stream_id, after, limit), failures)  # noqa: B023 - awaited at once
        if page:
            yield page
        if len(page) < limit:
            return
        after = page[-1].version
        # Whoever has read so far does not begin again because an answer was lost.
        failures = (Unavailable,)
        # A store in memory answers at once, and would never let others run.
        await asyncio.sleep(0)


async def insist(read: Callable[[], Awaitable[T]], failures: tuple[type[Unavailable], ...] = (Throttled,)) -> T:
    """Returns what `read` does, which is tried again after each of these failures, a few times."""
    for _ in range(_TRIES - 1):
        try:
            return await read()
        except failures as error:
            await asyncio.sleep(error.retry_after)
    return await read()
