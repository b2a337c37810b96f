"""The front: one port that hands requests to the hosts in turn."""

import asyncio
import json
from collections.abc import AsyncIterator

import aiohttp
from aiohttp import web
from yarl import URL

from emulators.functions.supervisor import HostProcess

_HOP_BY_HOP = frozenset({"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "expect"})

_PATIENCE_S = 10.0


def client_session() -> aiohttp.ClientSession:
    """A session that adds nothing to a request and takes nothing from an answer.

    No connection is used twice: a host that died in between is then refused before anything is sent, and the
    request goes to another one. (A connector told to close would say so in a header, which functions would see.)
    """
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=0),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
        timeout=aiohttp.ClientTimeout(total=None),
        middlewares=(_send_once,),
    )


class _HostDiedError(aiohttp.ClientError):
    """The connection broke after the request was sent."""


async def _send_once(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """aiohttp repeats GET, PUT and DELETE when a connection breaks, which would run a function twice."""
    try:
        return await send(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise _HostDiedError(str(error)) from error


class Front:
    """Hands requests to the hosts that are alive, one after the other."""

    def __init__(self, hosts: list[HostProcess], session: aiohttp.ClientSession) -> None:
        self._hosts = hosts
        self._session = session
        self._turn = 0

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Pass one request on, body and answer as they are."""
        body = await request.content.read()
        for _ in self._hosts:
            host = await self._next()
            if host is None:
                break
            try:
                return await self._pass_on(request, body, host)
            except aiohttp.ClientConnectorError:
                # Nothing was sent: the host died a moment ago, another one can have the request.
                host.serving.clear()
        return web.Response(status=503, text="devstack: no functions host is running\n")

    async def _next(self) -> HostProcess | None:
        """The next host in turn; if none serves, the first one that does again within a while.

        A request that comes while the real host replaces its worker waits, too.
        """
        alive = [host for host in self._hosts if host.serving.is_set()]
        if not alive:
            waits = [asyncio.create_task(host.serving.wait()) for host in self._hosts]
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED, timeout=_PATIENCE_S)
            for wait in waits:
                wait.cancel()
            alive = [host for host in self._hosts if host.serving.is_set()]
        self._turn += 1
        return alive[self._turn % len(alive)] if alive else None

    async def _pass_on(self, request: web.BaseRequest, body: bytes, host: HostProcess) -> web.StreamResponse:
        chunked = "chunked" in request.headers.get("Transfer-Encoding", "").lower()
        # aiohttp sends a repeated header once unless its name is spelt the same each time.
        headers = [(name.lower(), value) for name, value in request.headers.items() if name.lower() not in _HOP_BY_HOP]
        url = URL(f"http://127.0.0.1:{host.port}{request.raw_path}", encoded=True)
        try:
            async with self._session.request(
                request.method,
                url,
                headers=headers,
                data=_in_chunks(body) if chunked else body or None,
                allow_redirects=False,
            ) as answer:
                content = await answer.read()
                if request.path == "/admin/host/status" and answer.status == 200:
                    return self._status(json.loads(content))
                return await _relay(request, answer, content)
        except aiohttp.ClientConnectorError:
            raise
        except aiohttp.ClientError as error:
            # As when the real worker process dies: the invocations inside it fail.
            return web.Response(status=500, text=f"devstack: host {host.number} did not answer: {error}\n")

    def _status(self, status: dict[str, object]) -> web.Response:
        hosts = [
            {
                "host": host.number,
                "url": host.url,
                "running": host.serving.is_set(),
                "functions": host.functions,
                "pid": None if host.process is None else host.process.pid,
            }
            for host in self._hosts
        ]
        return web.json_response({**status, "hosts": hosts})


async def _relay(request: web.BaseRequest, answer: aiohttp.ClientResponse, content: bytes) -> web.StreamResponse:
    response = web.StreamResponse(status=answer.status, reason=answer.reason)
    for name, value in answer.headers.items():
        if name.lower() not in _HOP_BY_HOP:
            response.headers.add(name, value)
    if "chunked" in answer.headers.get("Transfer-Encoding", "").lower():
        response.enable_chunked_encoding()
    await response.prepare(request)
    await response.write_eof(content)
    return response


async def _in_chunks(body: bytes) -> AsyncIterator[bytes]:
    yield body
