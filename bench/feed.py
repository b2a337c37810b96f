"""The change feed of a container, from its beginning and read often, as the SDK gives it."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from azure.cosmos.aio import ContainerProxy


async def changes(container: ContainerProxy, seconds: float) -> AsyncIterator[Sequence[Mapping[str, Any]]]:
    """What has changed since the look before, one look after the other, each so many `seconds` after the last."""
    continuation = ""

    def keep(headers: Mapping[str, str], _: Any) -> None:
        nonlocal continuation
        continuation = headers.get("etag", continuation)

    while True:
        where: dict[str, Any] = {"continuation": continuation} if continuation else {"start_time": "Beginning"}
        yield [item async for item in container.query_items_change_feed(**where, response_hook=keep)]
        await asyncio.sleep(seconds)
