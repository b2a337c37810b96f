"""A server in memory, and clients of it: tests of the SDK run over its asynchronous and its synchronous API."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest
from azure.cosmos import PartitionKey
from azure.cosmos.aio import ContainerProxy, CosmosClient, DatabaseProxy

from emulators.cosmos.server import CosmosServer
from emulators.tests.cosmos.raw import RawClient
from emulators.tests.cosmos.threaded import APIS, connected


@pytest.fixture
async def server() -> AsyncIterator[CosmosServer]:
    async with CosmosServer.start() as running:
        yield running


@pytest.fixture(params=APIS)
async def client(server: CosmosServer, request: pytest.FixtureRequest) -> AsyncIterator[CosmosClient]:
    async with connected(request.param, server.url, server.key) as client:
        yield client


@pytest.fixture
async def database(client: CosmosClient) -> DatabaseProxy:
    return await client.create_database("shop")


@pytest.fixture
async def container(database: DatabaseProxy) -> ContainerProxy:
    return await database.create_container("items", PartitionKey("/pk"))


@pytest.fixture
async def raw(server: CosmosServer) -> AsyncIterator[RawClient]:
    async with aiohttp.ClientSession() as session:
        yield RawClient(server.url, session)


@pytest.fixture
async def raw_container(raw: RawClient) -> RawClient:
    """The database `shop` with the container `items`, made without an SDK."""
    await raw.send("POST", "/dbs", {"id": "shop"})
    definition = {"id": "items", "partitionKey": {"paths": ["/pk"], "kind": "Hash", "version": 2}}
    await raw.send("POST", "/dbs/shop/colls", definition)
    return raw
