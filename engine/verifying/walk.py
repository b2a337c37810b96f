"""A walk reads a feed from where it was left to where it ended when the walk began."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from engine.consuming.feed.port import ChangeFeed, FeedPage, FeedRange
from engine.consuming.feed.side_by_side import side_by_side
from engine.errors import Throttled, Unavailable
from engine.storing.pages import insist
from engine.verifying.spill import Spill

_PAGE: Final = 1_000
_THROTTLED_PAUSE: Final = 1.0

Items = Sequence[Mapping[str, Any]]
Report = Callable[[str, int, int], None]
"""Is told of what, how many, and of how many."""


@dataclass(frozen=True, slots=True)
class Walk:
    """Walks feeds into a spill, a few ranges of each at once; `room()` returns when there is room for a request."""

    spill: Spill
    room: Callable[[], Awaitable[None]]
    report: Report

    async def through(self, name: str, feed: ChangeFeed, until: float, keep: Callable[[Items], None]) -> None:
        """Passes all items that were written up to `until`, in seconds since 1970, to `keep`, in whole pages.

        What is written later may come too: a service that goes on writing cannot keep the walk from its end.
        Raises FeedReset, Unavailable and AccessRefused; the next walk goes on where this one failed.
        """
        reached = dict[FeedRange, tuple[int, int]]()

        async def one(where: FeedRange, position: str | None, done: int) -> None:
            while (page := await self._page(feed, where, position)).items:
                keep(page.items)
                position, done = page.position, done + len(page.items)
                self.spill.advance(name, where, position, len(page.items))
                behind = max(0, page.newest - page.items[-1].get("_lsn", page.newest))
                reached[where] = (done, done + behind)
                self.report(name, *map(sum, zip(*reached.values(), strict=True)))
                if page.items[-1]["_ts"] > until:
                    break

        await side_by_side(partial(one, *each) for each in self.spill.begin(name, await feed.ranges()))

    async def _page(self, feed: ChangeFeed, where: FeedRange, position: str | None) -> FeedPage:
        while True:
            await self.room()
            try:
                return await insist(lambda: feed.read(where, position, _PAGE), (Unavailable,))
            except Throttled as error:
                await asyncio.sleep(max(error.retry_after, _THROTTLED_PAUSE))
