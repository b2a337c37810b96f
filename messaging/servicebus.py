"""The bus on Azure Service Bus, by its SDK over AMQP."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from azure.core.exceptions import AzureError, ClientAuthenticationError
from azure.servicebus import ServiceBusMessage, ServiceBusMessageBatch
from azure.servicebus.aio import ServiceBusClient, ServiceBusSender
from azure.servicebus.exceptions import (
    MessageSizeExceededError,
    MessagingEntityDisabledError,
    MessagingEntityNotFoundError,
    ServiceBusAuthenticationError,
    ServiceBusAuthorizationError,
)

from messaging.port import EVENTS, BusRefused, BusUnavailable, Message, MessageTooLarge

SEND_LIFETIME: Final = 20.0
"""Seconds that one call of `send` may take, opening the connection included, before it is given up."""

BATCH_BYTES: Final = 192 * 1024
"""Well below the 256 KB of a message, which a batch is too; a larger message goes alone.

The SDK (7.15) does not count what a batch takes over from its first message, such as the session: the bus refuses one
that the SDK has filled.
"""

_REFUSALS: Final = (
    ClientAuthenticationError,
    MessagingEntityDisabledError,
    MessagingEntityNotFoundError,
    ServiceBusAuthenticationError,
    ServiceBusAuthorizationError,
)


@dataclass(slots=True)
class _Link:
    """One sender, opened on first use. Its lock keeps the order of messages that are sent at the same time."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    sender: ServiceBusSender | None = None


class AzureServiceBus:
    """Promises of `Bus`."""

    def __init__(self, client: ServiceBusClient) -> None:
        self._client = client
        self._links: dict[str, _Link] = {}

    async def send(self, entity: str, messages: Sequence[Message]) -> None:
        link = self._links.setdefault(entity, _Link())
        async with link.lock:
            try:
                async with _translated(entity), asyncio.timeout(SEND_LIFETIME):
                    if link.sender is None:
                        link.sender = self._sender(entity)
                    await _send(link.sender, messages)
            except BaseException:
                # What state the link is in, nobody knows: the next call opens another.
                await _closed(link)
                raise

    async def close(self) -> None:
        for link in self._links.values():
            await _closed(link)

    def _sender(self, entity: str) -> ServiceBusSender:
        return self._client.get_topic_sender(entity) if entity == EVENTS else self._client.get_queue_sender(entity)


@asynccontextmanager
async def open_bus(client: ServiceBusClient) -> AsyncIterator[AzureServiceBus]:
    """Connects when the first message is sent; closes its links and the client."""
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(client.close)
        bus = AzureServiceBus(client)
        stack.push_async_callback(bus.close)
        yield bus


async def _send(sender: ServiceBusSender, messages: Sequence[Message]) -> None:
    batch = await sender.create_message_batch(BATCH_BYTES)
    for message in messages:
        outgoing = _outgoing(message)
        if _fits(batch, outgoing):
            continue
        if len(batch):
            await sender.send_messages(batch)
            batch = await sender.create_message_batch(BATCH_BYTES)
        if not _fits(batch, outgoing):
            await sender.send_messages(outgoing)
    if len(batch):
        await sender.send_messages(batch)


def _fits(batch: ServiceBusMessageBatch, message: ServiceBusMessage) -> bool:
    try:
        batch.add_message(message)
    except MessageSizeExceededError:
        return False
    return True


def _outgoing(message: Message) -> ServiceBusMessage:
    return ServiceBusMessage(
        message.body,
        message_id=message.message_id,
        session_id=message.session_id,
        subject=message.subject,
        correlation_id=message.correlation_id,
        content_type="application/json",
        application_properties=dict[str | bytes, Any](message.properties.items()),
        scheduled_enqueue_time_utc=message.due,
    )


async def _closed(link: _Link) -> None:
    sender, link.sender = link.sender, None
    if sender is not None:
        with contextlib.suppress(AzureError, OSError, TimeoutError):
            async with asyncio.timeout(SEND_LIFETIME):
                await sender.close()


@asynccontextmanager
async def _translated(entity: str) -> AsyncIterator[None]:
    """The table from the SDK's errors to ours."""
    try:
        yield
    except MessageSizeExceededError as error:
        raise MessageTooLarge(f"a message for {entity} is larger than the bus carries") from error
    except _REFUSALS as error:
        raise BusRefused(f"Service Bus refuses to send to {entity}: check the connection and the entity") from error
    except (AzureError, OSError, TimeoutError) as error:
        raise BusUnavailable(f"no answer from Service Bus for {entity} ({type(error).__name__})") from error
