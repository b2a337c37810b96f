"""A bus that is slow, throttles, or is partitioned, at the edge of its SDK, and a clock that no test waits for."""

import asyncio
import json
import selectors
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast

from azure.servicebus import ServiceBusMessage, ServiceBusMessageBatch
from azure.servicebus.aio import ServiceBusClient
from azure.servicebus.exceptions import ServiceBusError, ServiceBusServerBusyError

from engine.messaging.servicebus import AzureServiceBus
from engine.testing.times import NOON


class ManualLoop(asyncio.SelectorEventLoop):
    """Moves its clock to the next timer whenever there is nothing else to do."""

    def __init__(self) -> None:
        self._skipped = 0.0
        super().__init__(_Impatient(self._skip))

    def time(self) -> float:
        return super().time() + self._skipped

    def clock(self) -> datetime:
        """The skipped seconds after noon."""
        return NOON + timedelta(seconds=self._skipped)

    def _skip(self, seconds: float) -> None:
        self._skipped += seconds


class _Impatient(selectors.DefaultSelector):
    def __init__(self, skip: Callable[[float], None]) -> None:
        super().__init__()
        self._skip = skip

    def select(self, timeout: float | None = None) -> Any:
        found = super().select(0)
        if not found and timeout:
            self._skip(timeout)
        return found


@dataclass
class SlowBus:
    """Accepts `rate` messages a second, whichever entity they are for.

    It is too busy for the calls whose numbers, from 1, are in `busy`, and refuses batches of several sessions if it is
    `partitioned`.
    """

    rate: float = 400
    busy: frozenset[int] = frozenset()
    partitioned: bool = False
    calls: int = 0
    refused: int = 0
    accepted: list[tuple[str, str, str]] = field(default_factory=list)
    """Entity and session of each message, and the guest that it is about."""
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def adapter(self) -> AzureServiceBus:
        return AzureServiceBus(cast(ServiceBusClient, self))

    def get_queue_sender(self, name: str) -> "_Sender":
        return _Sender(self, name)

    def get_topic_sender(self, name: str) -> "_Sender":
        return _Sender(self, name)

    def guests(self, entity: str, session: str) -> list[str]:
        return [guest for *its, guest in self.accepted if its == [entity, session]]


@dataclass
class _Sender:
    bus: SlowBus
    entity: str

    async def create_message_batch(self, max_size_in_bytes: int) -> ServiceBusMessageBatch:
        return ServiceBusMessageBatch(max_size_in_bytes)

    async def send_messages(self, batch: ServiceBusMessageBatch) -> None:
        messages: list[ServiceBusMessage] = batch._messages
        self.bus.calls += 1
        if self.bus.calls in self.bus.busy:
            raise ServiceBusServerBusyError
        if self.bus.partitioned and len({each.session_id for each in messages}) > 1:
            self.bus.refused += 1
            raise ServiceBusError("Batching brokered messages …", condition="amqp:not-allowed")
        async with self.bus.turn:
            await asyncio.sleep(len(messages) / self.bus.rate)
        self.bus.accepted += ((self.entity, str(each.session_id), _guest(each)) for each in messages)

    async def close(self) -> None:
        return None


def _guest(message: ServiceBusMessage) -> str:
    return str(json.loads(b"".join(message.body))["data"]["guestId"])
