"""The bus is imported and connected on first use: functions that send no message never pay for its SDK."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Final

from engine.imports import imported
from engine.messaging.port import DeadLetter, Message
from engine.messaging.topology import RELAYED
from engine.settings import ServiceBusConnection

if TYPE_CHECKING:
    from engine.messaging.servicebus import AzureServiceBus


class BusOnFirstUse:
    """Implements `Bus` and `DeadLetters`; `stack` closes what was opened."""

    def __init__(self, connection: ServiceBusConnection, stack: contextlib.AsyncExitStack) -> None:
        self._connection = connection
        self._stack = stack
        self._opening = asyncio.Lock()
        self._bus: AzureServiceBus | None = None
        self._links: asyncio.Task[None] | None = None

    def in_use(self) -> bool:
        return self._bus is not None

    async def send(self, entity: str, messages: Sequence[Message]) -> Sequence[Message]:
        bus = self._bus or await self._opened()
        if self._links is None:
            # Who sends to one will send to the others: what follows from the first message need not wait for its link.
            self._links = asyncio.create_task(bus.open(RELAYED))
            self._stack.push_async_callback(_ended, self._links)
        return await bus.send(entity, messages)

    async def dead_letters(self, entity: str, after: int, limit: int) -> Sequence[DeadLetter]:
        bus = self._bus or await self._opened()
        return await bus.dead_letters(entity, after, limit)

    async def drain(self, entity: str, handle: Callable[[DeadLetter], Awaitable[None]], limit: int) -> int:
        bus = self._bus or await self._opened()
        return await bus.drain(entity, handle, limit)

    async def _opened(self) -> "AzureServiceBus":
        connected = await _CLIENT.get()
        async with self._opening:
            if self._bus is None:
                self._bus = await self._stack.enter_async_context(connected(self._connection))
            return self._bus


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])


def _client() -> "Callable[[ServiceBusConnection], AbstractAsyncContextManager[AzureServiceBus]]":
    from engine.messaging.servicebus_client import connected

    return connected


_CLIENT: Final = imported(_client)
