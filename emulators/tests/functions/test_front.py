"""The front: whose turn it is, and what it does when a host is gone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from emulators.functions.engines import OWN
from emulators.functions.front import Front, client_session
from emulators.functions.serving import Handler, serve
from emulators.functions.supervisor import HostOptions, HostProcess
from emulators.loopback import listen
from emulators.tests.functions.apps import Screen


@asynccontextmanager
async def listening(handler: Handler) -> AsyncIterator[int]:
    """A server in this process; gives its port."""
    sockets = listen(0)
    runner = await serve(handler, sockets)
    try:
        yield sockets[0].getsockname()[1]
    finally:
        await runner.cleanup()


def host(number: int, port: int) -> HostProcess:
    """A host that is believed to serve."""
    options = HostOptions(Path(), Path(), instances=2, hurry=1, enable_auth=False, engine=OWN)
    made = HostProcess(number, port, options, Screen())
    made.serving.set()
    return made


@asynccontextmanager
async def front(*hosts: HostProcess) -> AsyncIterator[str]:
    async with client_session() as session, listening(Front(list(hosts), session).handle) as port:
        yield f"http://localhost:{port}"


def closed_port() -> int:
    """A port at which nobody listens."""
    sockets = listen(0)
    port: int = sockets[0].getsockname()[1]
    for each in sockets:
        each.close()
    return port


async def answer(request: web.BaseRequest) -> web.Response:
    """Path, header and body as they came."""
    body = await request.content.read()
    how = request.headers.get("Transfer-Encoding", "")
    return web.Response(text=f"{request.raw_path} {request.headers.getall('X-A', [])} {body.decode()} {how}")


@pytest.mark.verified("docs", feature="--instances")
async def test_a_host_that_refuses_connections_is_passed_over_and_not_asked_again() -> None:
    dead = host(1, closed_port())
    async with listening(answer) as port, front(dead, host(2, port)) as url, aiohttp.ClientSession() as client:
        for _ in range(3):
            async with client.post(f"{url}/api/x", data="body") as got:
                assert 200 == got.status
    assert not dead.serving.is_set()


@pytest.mark.verified("docs", feature="--instances")
async def test_a_request_that_a_host_has_received_is_never_sent_again() -> None:
    received = 0

    async def die(request: web.BaseRequest) -> web.Response:
        nonlocal received
        received += 1
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async with listening(die) as port, front(host(1, port), host(2, port)) as url, aiohttp.ClientSession() as client:
        for method in ("GET", "PUT", "POST"):
            async with client.request(method, f"{url}/api/x") as got:
                assert 500 == got.status
    assert 3 == received


@pytest.mark.verified("docs", feature="--instances")
async def test_a_header_that_is_spelt_differently_when_repeated_is_passed_on_twice() -> None:
    async with listening(answer) as port, front(host(1, port)) as url:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
        writer.write(b"GET /x HTTP/1.1\r\nHost: h\r\nX-A: 1\r\nx-a: 2\r\nConnection: close\r\n\r\n")
        content = await reader.read()
        writer.close()
        await writer.wait_closed()
    assert b"/x ['1', '2']" in content


@pytest.mark.verified("docs", feature="--instances")
async def test_path_repeated_headers_and_the_way_a_body_is_sent_are_passed_on() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"body"

    async with listening(answer) as port, front(host(1, port)) as url, aiohttp.ClientSession() as client:
        target = URL(f"{url}/a%2Fb//c?x=%20&x", encoded=True)
        headers = [("X-A", "1"), ("X-A", "2")]
        async with client.post(target, data="body", headers=headers) as got:
            assert "/a%2Fb//c?x=%20&x ['1', '2'] body " == await got.text()
        async with client.post(target, data=pieces()) as got:
            assert "/a%2Fb//c?x=%20&x [] body chunked" == await got.text()
