"""A receiver of notifications on loopback."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web


@dataclass
class Receiver:
    """Answers as the test says, and remembers what came."""

    answer: Callable[[web.Request], Awaitable[web.StreamResponse]]
    url: str = ""
    came: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        assert isinstance(request, web.BaseRequest)
        self.came.append((dict(request.headers), await request.read()))
        return await self.answer(request)  # type: ignore[arg-type]


async def accepted(_: web.BaseRequest) -> web.StreamResponse:
    return web.Response(status=204)


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    receiver = Receiver(accepted)
    runner = web.ServerRunner(web.Server(receiver.handle, access_log=None), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook?token=hidden"
    yield receiver
    await runner.cleanup()
