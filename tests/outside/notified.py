"""What the receiver of notifications gets: the body to the byte, and the headers."""

from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, Final
from unittest.mock import patch

import aiohttp

from domain.order.events import OrderCancelled
from engine.messaging.notification import notification_of
from engine.messaging.webhook import HttpWebhook
from tests.outside.at_rest import stored
from tests.outside.on_the_bus import EVENT
from tests.outside.rendered import text_of
from tests.outside.values import ORDER_ID, SOON

SECRET: Final = "the-quiet-secret-ä"
BROKEN: Final = stored(OrderCancelled(ORDER_ID, "c-1", "half a \ud83e pair"))


async def webhook_posts() -> Any:
    posts: list[dict[str, Any]] = []

    @asynccontextmanager
    async def post(_: aiohttp.ClientSession, url: str, *, data: bytes, **options: Any) -> Any:
        posts.append({"url": url, "body": text_of(data), **options})
        yield SimpleNamespace(status=204)

    webhook = HttpWebhook("https://example.com/orders", SECRET, lambda: SOON)
    with patch.object(aiohttp.ClientSession, "post", post):
        for event in (EVENT, BROKEN):
            await webhook.post(notification_of(event))
    await webhook.close()
    return posts
