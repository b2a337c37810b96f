"""The change feed of a container of Cosmos DB, and the trigger's leases, are read through the SDK.

The SDK (4.17) takes a range with the beginning of the feed, or a continuation that it gave before, which holds a range
and the LSN of each partition of it, `continuation.continuation[].token`, with the resource id of the container, which a
container that was made anew has another one of. It has no call that takes the position in a lease of the trigger, so a
continuation is written here, in the SDK's form (`v2`): with it, the SDK finds the physical partition itself, and
follows a split.
"""

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from azure.cosmos.aio import ContainerProxy

from engine.consuming.feed.leases import lease_of, monitored
from engine.consuming.feed.port import FeedPage, FeedRange, Lease
from engine.storing.cosmos_requests import translated
from engine.storing.errors import FeedReset

_OF: Final = "change feed"
_LEASES: Final = "SELECT * FROM c WHERE CONTAINS(c.id, @of)"


class CosmosChangeFeed:
    """Implements `ChangeFeed`."""

    def __init__(self, container: ContainerProxy) -> None:
        self._container = container
        self._rid: str | None = None

    async def ranges(self) -> Sequence[FeedRange]:
        async with translated(_OF):
            # A split is not in the cache of the SDK.
            found = self._container.read_feed_ranges(force_refresh=True)
            return sorted([_range_of(each) async for each in found])

    async def read(self, where: FeedRange, after: str | None, limit: int) -> FeedPage:
        start: dict[str, Any]
        if after is None:
            start = {"feed_range": _opaque(where), "start_time": "Beginning"}
        elif after.strip('"').isdigit():
            self._rid = self._rid or await self._found_rid()
            start = {"continuation": _continuation(self._rid, where, after)}
        else:
            start = {"continuation": after}
        return await self._page(limit, **start)

    async def _page(self, limit: int, **start: Any) -> FeedPage:
        headers: Mapping[str, Any] = {}
        async with translated(_OF) as answered:

            def keep(its_headers: Mapping[str, Any], read: Any) -> None:
                nonlocal headers
                # The SDK puts its continuation there after this call.
                headers = its_headers
                answered(its_headers, read)

            pages = self._container.query_items_change_feed(**start, max_item_count=limit, response_hook=keep).by_page()
            items = list[Mapping[str, Any]]()
            try:
                async for page in pages:
                    items = [item async for item in page]
                    break
            except ValueError as error:
                if "rid" in str(error):
                    raise FeedReset from error
                raise
        return FeedPage(items, headers["etag"], _lsn(headers["x-ms-session-token"]))

    async def _found_rid(self) -> str:
        """Returns the resource id of the container, which is another one once the container was made anew."""
        async with translated(_OF):
            rid: str = (await self._container.read())["_rid"]
            return rid


class CosmosEventFeed(CosmosChangeFeed):
    """Implements `EventFeed`; `endpoint` is that of the account, as the trigger's connection names it."""

    def __init__(self, events: ContainerProxy, leases: ContainerProxy, endpoint: str) -> None:
        super().__init__(events)
        self._leases = leases
        self._host = urlsplit(endpoint).hostname or ""

    async def head(self, where: FeedRange) -> str:
        return (await self._page(1, feed_range=_opaque(where), start_time="Now")).position

    def has_reached(self, position: str | None, head: str) -> bool:
        if position is None:
            return all(lsn == 0 for _, lsn in _places(head))
        return all(
            lsn >= wanted
            for of_head, wanted in _places(head)
            for its_range, lsn in _places(position)
            if its_range.low < of_head.high and of_head.low < its_range.high
        )

    def transactions(self, position: str | None) -> int:
        return 0 if position is None else min(lsn for _, lsn in _places(position))

    async def leases(self) -> Sequence[Lease]:
        self._rid = await self._found_rid()
        of = monitored(self._host, self._rid)
        async with translated("leases") as answered:
            found = self._leases.query_items(_LEASES, parameters=[{"name": "@of", "value": of}], response_hook=answered)
            return [lease_of(document, of) async for document in found]


def _range_of(opaque: Mapping[str, Any]) -> FeedRange:
    return FeedRange(opaque["Range"]["min"], opaque["Range"]["max"])


def _opaque(where: FeedRange) -> dict[str, Any]:
    return {"Range": _in_the_form_of_the_sdk(where)}


def _continuation(rid: str, where: FeedRange, lease_continuation: str) -> str:
    its_range = _in_the_form_of_the_sdk(where)
    token = {"token": lease_continuation, "range": its_range}
    state = {
        "v": "v2",
        "containerRid": rid,
        "mode": "LatestVersion",
        "startFrom": {"Type": "Beginning"},
        "continuation": {"v": "v2", "rid": rid, "continuation": [token], "Range": its_range},
    }
    return base64.b64encode(json.dumps(state).encode()).decode()


def _places(continuation: str) -> Iterator[tuple[FeedRange, int]]:
    """Yields the LSN of each partition of the range."""
    for each in json.loads(base64.b64decode(continuation))["continuation"]["continuation"]:
        yield FeedRange(each["range"]["min"], each["range"]["max"]), int((each["token"] or "0").strip('"'))


def _in_the_form_of_the_sdk(where: FeedRange) -> dict[str, Any]:
    return {"min": where.low, "max": where.high, "isMinInclusive": True, "isMaxInclusive": False}


def _lsn(session_token: str) -> int:
    """Returns the number in a session token: `0:5`, or `0:1#5#4=-1`, where it comes second."""
    parts = session_token.rpartition(":")[2].split("#")
    return int(parts[min(1, len(parts) - 1)])
