"""A namespace without a server, for the rules alone; a server in memory, and clients of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from azure.servicebus.aio import ServiceBusClient

from emulators.servicebus.server import ServiceBusServer
from emulators.tests.servicebus.pure import SETTINGS, Broker
from emulators.tests.servicebus.raw import RawClient
from emulators.tests.servicebus.threaded import APIS, connected


@pytest.fixture
def broker() -> Iterator[Broker]:
    made = Broker()
    yield made
    made.close()


@pytest.fixture
async def server() -> AsyncIterator[ServiceBusServer]:
    async with ServiceBusServer.start(SETTINGS) as running:
        yield running


@pytest.fixture(params=APIS)
async def client(server: ServiceBusServer, request: pytest.FixtureRequest) -> AsyncIterator[ServiceBusClient]:
    async with connected(request.param, server.connection_string) as client:
        yield client


@pytest.fixture
async def raw(server: ServiceBusServer) -> AsyncIterator[RawClient]:
    async with RawClient.to(server.port) as client:
        yield client
