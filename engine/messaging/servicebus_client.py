"""The client of Service Bus is opened by a connection string or by an identity."""

import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from azure.servicebus.aio import ServiceBusClient

from engine.identity import identity
from engine.messaging.servicebus import AzureServiceBus, open_bus
from engine.settings import ServiceBusConnection

_RETRIES = 1
"""The SDK retries once; longer outages are left to the retries of the sender: a feed batch, a message or a client."""


@asynccontextmanager
async def connected(connection: ServiceBusConnection) -> AsyncIterator[AzureServiceBus]:
    """Yields the bus, which connects with the first message."""
    async with contextlib.AsyncExitStack() as stack:
        yield await stack.enter_async_context(open_bus(await _client(connection, stack)))


async def _client(connection: ServiceBusConnection, stack: contextlib.AsyncExitStack) -> ServiceBusClient:
    if connection.connection_string is not None:
        return ServiceBusClient.from_connection_string(connection.connection_string, retry_total=_RETRIES)
    credential = await stack.enter_async_context(await identity(connection.client_id))
    return ServiceBusClient(connection.namespace, credential, retry_total=_RETRIES)
