"""The bus, imported and connected with the first message: HTTP and views alone never pay for its SDK."""

import asyncio
import contextlib
import importlib
from collections.abc import Sequence

from composition.settings import ServiceBusConnection
from messaging.port import Bus, Message


class BusOnFirstUse:
    """Promises of `Bus`. `stack` closes what was opened."""

    def __init__(self, connection: ServiceBusConnection, stack: contextlib.AsyncExitStack) -> None:
        self._connection = connection
        self._stack = stack
        self._opening = asyncio.Lock()
        self._bus: Bus | None = None

    async def send(self, entity: str, messages: Sequence[Message]) -> None:
        bus = self._bus or await self._opened()
        await bus.send(entity, messages)

    async def _opened(self) -> Bus:
        async with self._opening:
            if self._bus is not None:
                return self._bus
            # In a thread: an import would hold up the loop that all invocations share.
            module = await asyncio.to_thread(importlib.import_module, "composition.servicebus")
            bus: Bus = await self._stack.enter_async_context(module.connected(self._connection))
            self._bus = bus
            return bus
