"""The change feed of a container of Cosmos DB, and the trigger's leases, are read through the SDK.

The SDK (4.17) takes a range with the beginning of the feed, or a continuation that it gave before, which holds a range
and a position. It has no call that takes the position in a lease of the trigger, so a continuation is written here, in
the SDK's form (`v2`): with it, the SDK finds the physical partition itself, and follows a split.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from azure.cosmos.aio import ContainerProxy

from engine.consuming.feed.leases import lease_of, monitored
from engine.consuming.feed.port import FeedPage, FeedRange, Lease
from engine.storing.cosmos_requests import translated

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
        newest, charge = 0, 0.0

        def keep(headers: Mapping[str, Any], _: Any) -> None:
            nonlocal newest, charge
            newest = _lsn(headers["x-ms-session-token"])
            charge += float(headers.get("x-ms-request-charge", 0))

        async with translated(_OF):
            pages: Any = self._container.query_items_change_feed(
                **start, max_item_count=limit, response_hook=keep
            ).by_page()
            try:
                items = [item async for item in await anext(pages)]
            except StopAsyncIteration:
                return FeedPage([], after, newest, charge)
        return FeedPage(items, pages.continuation_token, newest, charge)

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


def _in_the_form_of_the_sdk(where: FeedRange) -> dict[str, Any]:
    return {"min": where.low, "max": where.high, "isMinInclusive": True, "isMaxInclusive": False}


def _lsn(session_token: str) -> int:
    """Returns the number in a session token: `0:5`, or `0:1#5#4=-1`, where it comes second."""
    parts = session_token.rpartition(":")[2].split("#")
    return int(parts[min(1, len(parts) - 1)])
