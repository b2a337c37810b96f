"""Somebody outside who is notified of orders: what it was told is told, whatever becomes of the store."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

Notified = list[Mapping[str, Any]]


@asynccontextmanager
async def receiver() -> AsyncIterator[tuple[str, Notified]]:
    """Yields the URL of a receiver on this machine, and the events that it was notified of so far."""
    notified: Notified = []

    async def take(request: web.Request) -> web.Response:
        notified.append(await request.json())
        return web.Response(status=204)

    app = web.Application()
    app.router.add_post("/", take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/", notified
    finally:
        await runner.cleanup()
