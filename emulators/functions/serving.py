"""Serving HTTP as Functions hosts do."""

import socket
from collections.abc import Awaitable, Callable

from aiohttp import web

_MAX_HEADER = 32 * 1024
Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


async def serve(handler: Handler, sockets: list[socket.socket]) -> web.ServerRunner:
    """Serve HTTP on bound sockets until the returned runner is cleaned up.

    Bodies reach the handler as they were sent, compressed ones too, and paths percent-encoded.
    """

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        if request.headers.get("Expect", "").lower() == "100-continue" and request.transport is not None:
            request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        return await handler(request)

    server = web.Server(
        answer,
        auto_decompress=False,
        access_log=None,
        max_line_size=_MAX_HEADER,
        max_field_size=_MAX_HEADER,
    )
    runner = web.ServerRunner(server, handle_signals=False, shutdown_timeout=1.0)
    await runner.setup()
    for each in sockets:
        await web.SockSite(runner, each).start()
    return runner
