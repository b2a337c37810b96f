"""The synchronous SDK behind the face of the asynchronous one, so that each test of the SDK is written once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, Self, cast

from azure.servicebus import ServiceBusClient, ServiceBusReceiver, ServiceBusSender, ServiceBusSession
from azure.servicebus import aio as aio_sdk

APIS: Final = ("aio", "sync")


@asynccontextmanager
async def connected(api: str, connection_string: str) -> AsyncIterator[aio_sdk.ServiceBusClient]:
    """A client that tries everything once, and starts no threads that its senders would wait for when they close."""
    options: dict[str, Any] = {"retry_total": 0, "retry_backoff_factor": 0, "keep_alive": 0}
    if api == "aio":
        async with aio_sdk.ServiceBusClient.from_connection_string(connection_string, **options) as client:
            yield client
    else:
        blocking = ServiceBusClient.from_connection_string(connection_string, **options)
        async with Threaded(blocking) as threaded:
            yield cast(aio_sdk.ServiceBusClient, threaded)


class Threaded:
    """A client, sender, receiver or session of the synchronous SDK; each call runs in a thread."""

    def __init__(self, target: ServiceBusClient | ServiceBusSender | ServiceBusReceiver | ServiceBusSession) -> None:
        self.target = target

    def __getattr__(self, name: str) -> Any:
        member = getattr(self.target, name)
        if isinstance(member, ServiceBusSession):
            return Threaded(member)
        if not callable(member):
            return member
        if name.startswith("get_") and name.endswith(("_sender", "_receiver")):
            return lambda *arguments, **options: Threaded(member(*arguments, **options))  # no I/O
        return lambda *arguments, **options: asyncio.to_thread(member, *arguments, **options)

    async def __aenter__(self) -> Self:
        if isinstance(self.target, (ServiceBusSender, ServiceBusReceiver)):
            await asyncio.to_thread(self.target.__enter__)
        return self

    async def __aexit__(self, *exception: object) -> None:
        if not isinstance(self.target, ServiceBusSession):
            await asyncio.to_thread(self.target.close)
