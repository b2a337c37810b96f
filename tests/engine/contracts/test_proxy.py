"""The proxy that the environment names leads to Cosmos DB, unless it is to be bypassed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from emulators.cosmos.server import CosmosServer
from engine.errors import Unavailable
from engine.settings import CosmosConnection
from engine.storing.cosmos_account import open_client
from tests.engine.contracts.connections import cosmos, provisioned

ELSEWHERE = "account.example.invalid"
"""No name server knows this host: what is sent there arrives by a proxy alone."""

NOBODY = "http://127.0.0.1:1"


@pytest.fixture(autouse=True)
def _no_proxy_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@asynccontextmanager
async def _proxy_to(server: CosmosServer, asked: set[str]) -> AsyncIterator[str]:
    """Yields the URL of a proxy before `server`, whatever host it is asked for, and keeps the names of the hosts."""
    async with aiohttp.ClientSession(auto_decompress=False) as session:

        async def forward(request: web.BaseRequest) -> web.Response:
            url = URL(request.raw_path, encoded=True)
            asked.add(url.host or "")
            there = URL(f"{server.url}{url.raw_path_qs}", encoded=True)
            async with session.request(request.method, there, headers=request.headers, data=request.content) as answer:
                return web.Response(status=answer.status, headers=answer.headers, body=await answer.read())

        runner = web.ServerRunner(web.Server(forward, access_log=None))
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()


@asynccontextmanager
async def _hanging_up(asked: list[str]) -> AsyncIterator[str]:
    """Yields the URL of a proxy that hangs up on everyone, and keeps what it was asked for."""

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readuntil(b"\r\n\r\n")).decode())
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        yield f"http://someone:secret@127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_every_request_takes_the_proxy_that_the_environment_names(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: set[str] = set()
    async with CosmosServer.start() as server, _proxy_to(server, asked) as url:
        monkeypatch.setenv("HTTP_PROXY", url)
        connection = CosmosConnection(f"http://{ELSEWHERE}:8081/", cosmos(server.connection_string).key)
        async with open_client(connection) as client:
            database = await provisioned(client, "guests")
            assert "guests" == (await database.read())["id"]
    assert {ELSEWHERE} == asked


async def test_a_request_over_tls_goes_through_a_tunnel_of_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    async with _hanging_up(asked) as url:
        monkeypatch.setenv("HTTPS_PROXY", url)
        with pytest.raises(Unavailable):
            async with open_client(CosmosConnection(f"https://{ELSEWHERE}/", "eA==")):
                pass
    assert asked[0].startswith(f"CONNECT {ELSEWHERE}:443 ")
    assert "Proxy-Authorization: Basic c29tZW9uZTpzZWNyZXQ=" in asked[0]


async def test_no_proxy_is_taken_to_a_host_that_is_to_bypass_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", NOBODY)
    monkeypatch.setenv("NO_PROXY", "localhost,127.0.0.1")
    async with CosmosServer.start() as server, open_client(cosmos(server.connection_string)):
        pass


async def test_the_environment_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """By itself, the SDK's transport asks at every request, in two threads."""
    async with CosmosServer.start() as server, open_client(cosmos(server.connection_string)) as client:
        monkeypatch.setenv("HTTP_PROXY", NOBODY)
        await provisioned(client, "guests")
