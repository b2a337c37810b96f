"""The change feed of the container `events` is read here by the ranges of the SDK, whose tokens survive a split."""

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from azure.cosmos.aio import ContainerProxy

from engine.storing.cosmos_requests import translated
from engine.storing.errors import FeedReset
from engine.storing.feed import FeedPage

_OF: Final = "event feed"


class CosmosEventFeed:
    """Implements `EventFeed`. A range is that of the SDK as JSON, a continuation is its token.

    A token (SDK 4.17) holds the LSN of each partition of the range, `continuation.continuation[].token`, with the range
    of its keys, and the resource id of the container, which a container that was made anew has another one of.
    """

    def __init__(self, events: ContainerProxy) -> None:
        self._events = events

    async def ranges(self) -> Sequence[str]:
        async with translated(_OF):
            return [json.dumps(each) async for each in self._events.read_feed_ranges(force_refresh=True)]

    async def head(self, feed_range: str) -> str:
        return (await self._page(1, feed_range=json.loads(feed_range), start_time="Now")).continuation

    async def read(self, feed_range: str, continuation: str | None, limit: int) -> FeedPage:
        if continuation is None:
            return await self._page(limit, feed_range=json.loads(feed_range), start_time="Beginning")
        return await self._page(limit, continuation=continuation)

    def transactions(self, continuation: str | None) -> int:
        return 0 if continuation is None else min(lsn for _, _, lsn in _places(continuation))

    def has_reached(self, continuation: str | None, head: str) -> bool:
        if continuation is None:
            return all(lsn == 0 for _, _, lsn in _places(head))
        return all(
            lsn >= wanted
            for first, end, wanted in _places(head)
            for its_first, its_end, lsn in _places(continuation)
            if its_first < end and first < its_end
        )

    async def _page(self, limit: int, **where: Any) -> FeedPage:
        headers: Mapping[str, Any] = {}

        async with translated(_OF) as answered:

            def keep(its_headers: Mapping[str, Any], read: Any) -> None:
                nonlocal headers
                # The SDK puts its token there after this call.
                headers = its_headers
                answered(its_headers, read)

            pages = self._events.query_items_change_feed(max_item_count=limit, response_hook=keep, **where).by_page()
            items = list[Mapping[str, Any]]()
            try:
                async for page in pages:
                    items = [item async for item in page]
                    break
            except ValueError as error:
                if "rid" in str(error):
                    raise FeedReset from error
                raise
        return FeedPage(items, headers["etag"])


def _places(continuation: str) -> Iterator[tuple[str, str, int]]:
    """Yields first key, end and LSN of each partition of the range."""
    for each in json.loads(base64.b64decode(continuation))["continuation"]["continuation"]:
        yield each["range"]["min"], each["range"]["max"], int((each["token"] or "0").strip('"'))
