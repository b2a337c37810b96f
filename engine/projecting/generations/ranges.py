"""A rebuild reads the feed of the events here: range by range, in batches, and again where something is away."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, TypeVar

from engine.consuming.errors import TransientFailure
from engine.consuming.feed.port import EventFeed, FeedRange
from engine.consuming.feed.side_by_side import side_by_side
from engine.consuming.feed_items import stream_of
from engine.consuming.parking import Defect
from engine.errors import Unavailable
from engine.projecting.generations.port import Walked
from engine.storing.errors import FeedReset

T = TypeVar("T")

PAGE: Final = 1000
BATCH: Final = 10_000
"""A batch ends with the page that brings it to so many events of the read model: a view is written once for each."""

_MOST_PAGES: Final = 20
"""A batch has no more pages, so that progress is kept where few events are of the read model."""

_TRIES: Final = 100
"""A second apart: an event that is missing for so long is a gap, and parks its stream (`parking.HOLE_LASTS`)."""

_LOOKS: Final = 10


@dataclass(frozen=True, slots=True)
class FeedRanges:
    """`sleep` takes seconds; `room()` returns when there is room for a request."""

    feed: EventFeed
    sleep: Callable[[float], Awaitable[None]]
    room: Callable[[], Awaitable[None]]

    async def begun(self) -> Sequence[Walked]:
        """Returns all ranges, none of them walked, each with its head. Raises AdapterError."""

        async def one(feed_range: FeedRange) -> Walked:
            return Walked(feed_range, await self.insist(lambda: self.feed.head(feed_range)))

        return await side_by_side(partial(one, each) for each in await self.insist(self.feed.ranges))

    async def heads(self, ranges: Iterable[Walked]) -> Sequence[str]:
        """Returns where the feed of each range ends. Raises FeedReset where it ends before what was walked."""
        return await side_by_side(partial(self._head, each) for each in ranges)

    async def batch(self, walked: Walked, follows: Callable[[str], bool]) -> tuple[Walked, Sequence[Mapping[str, Any]]]:
        """Returns how far the range is walked with the next items of streams that are followed, and these."""
        items = list[Mapping[str, Any]]()
        for _ in range(_MOST_PAGES):
            await self.room()
            at = walked.position
            page = await self.insist(lambda: self.feed.read(walked.feed_range, at, PAGE))  # noqa: B023 - awaited at once
            walked = replace(walked, position=page.position, documents=walked.documents + len(page.items))
            items += [item for item in page.items if follows(stream_of(item))]
            if len(items) >= BATCH or self.feed.has_reached(walked.position, walked.head):
                break
            if not page.items:
                # A replica that lags has not come to the head yet.
                await self.sleep(1.0)
        return walked, items

    async def insist(self, request: Callable[[], Awaitable[T]]) -> T:
        """Returns what `request` does, which is tried again while something is away for a moment.

        Raises the last error, and Defect at once: no other try is without it.
        """
        for _ in range(_TRIES - 1):
            try:
                return await request()
            except Unavailable as error:
                await self.sleep(error.retry_after)
            except Defect:
                raise
            except TransientFailure:
                await self.sleep(1.0)
        return await request()

    async def _head(self, walked: Walked) -> str:
        for _ in range(_LOOKS):
            head = await self.insist(lambda: self.feed.head(walked.feed_range))
            if walked.position is None or self.feed.has_reached(head, walked.position):
                return head
            await self.sleep(1.0)
        raise FeedReset
