"""A walk reads a feed from where it was left to where it ended when the walk began."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from engine.consuming.feed.port import ChangeFeed, FeedPage, FeedRange
from engine.errors import Throttled, Unavailable
from engine.storing.pages import insist
from engine.verifying.spill import Spill

_PAGE: Final = 1_000
_RANGES_AT_ONCE: Final = 4
_THROTTLED_PAUSE: Final = 1.0

Items = Sequence[Mapping[str, Any]]
Report = Callable[[str, int, int], None]
"""Is told of what, how many, and of how many."""


class Rate:
    """Makes those who spend wait, so that no more request units are used in a second than it allows.

    `monotonic` is in seconds, as is what `sleep` takes. Without a limit, nobody waits.
    """

    def __init__(
        self, per_second: float | None, monotonic: Callable[[], float], sleep: Callable[[float], Awaitable[None]]
    ) -> None:
        self._per_second = per_second
        self._monotonic = monotonic
        self._sleep = sleep
        self._free_at = 0.0

    async def spend(self, charge: float) -> None:
        if self._per_second is None:
            return
        now = self._monotonic()
        self._free_at = max(now, self._free_at) + charge / self._per_second
        await self._sleep(self._free_at - now)


@dataclass(frozen=True, slots=True)
class Walk:
    """Walks feeds into a spill, a few ranges of each at once."""

    spill: Spill
    rate: Rate
    report: Report

    async def through(self, name: str, feed: ChangeFeed, until: float, keep: Callable[[Items], None]) -> None:
        """Passes all items that were written up to `until`, in seconds since 1970, to `keep`, in whole pages.

        What is written later may come too: a service that goes on writing cannot keep the walk from its end.
        Raises Unavailable and AccessRefused; the next walk goes on where this one failed.
        """
        slots = asyncio.Semaphore(_RANGES_AT_ONCE)
        reached = dict[FeedRange, tuple[int, int]]()

        async def one(where: FeedRange, position: str | None, done: int) -> None:
            async with slots:
                while (page := await self._page(feed, where, position)).items:
                    keep(page.items)
                    position, done = page.position, done + len(page.items)
                    self.spill.advance(name, where, position, len(page.items))
                    behind = max(0, page.newest - page.items[-1].get("_lsn", page.newest))
                    reached[where] = (done, done + behind)
                    self.report(name, *map(sum, zip(*reached.values(), strict=True)))
                    await self.rate.spend(page.charge)
                    if page.items[-1]["_ts"] > until:
                        break

        async with asyncio.TaskGroup() as ranges:
            for where, position, done in self.spill.begin(name, await feed.ranges()):
                ranges.create_task(one(where, position, done))

    async def _page(self, feed: ChangeFeed, where: FeedRange, position: str | None) -> FeedPage:
        while True:
            try:
                return await insist(lambda: feed.read(where, position, _PAGE), (Unavailable,))
            except Throttled as error:
                await asyncio.sleep(max(error.retry_after, _THROTTLED_PAUSE))
