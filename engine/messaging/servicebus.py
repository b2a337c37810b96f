"""The bus on Azure Service Bus uses the SDK over AMQP."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeVar

from azure.core.exceptions import AzureError, ClientAuthenticationError
from azure.servicebus import (
    ServiceBusMessage,
    ServiceBusMessageBatch,
    ServiceBusReceivedMessage,
    ServiceBusSubQueue,
)
from azure.servicebus.aio import AutoLockRenewer, ServiceBusClient, ServiceBusReceiver, ServiceBusSender
from azure.servicebus.exceptions import (
    MessageSizeExceededError,
    MessagingEntityDisabledError,
    MessagingEntityNotFoundError,
    ServiceBusAuthenticationError,
    ServiceBusAuthorizationError,
    ServiceBusError,
    ServiceBusServerBusyError,
)

from engine.errors import AccessRefused, OutcomeUnknown, Throttled, Unavailable
from engine.messaging.port import DeadLetter, Message, MessageTooLarge, Received
from engine.messaging.topology import EVENT_TOPIC
from engine.telemetry import metrics
from engine.telemetry.instruments import MESSAGES_SENT
from engine.telemetry.spans import ended

SEND_LIFETIME: Final = 20.0
"""A call of `send` is given up after this many seconds, its turn and the opening of the connection included."""

_CLOSE_LIFETIME: Final = 2.0
"""Nobody waits longer than this many seconds for the bus to hear that a link is closed."""

BATCH_MESSAGES: Final = 100
"""A batch holds at most this many, so that a bus that takes five messages a second accepts it within a call."""

BATCH_BYTES: Final = 192 * 1024
"""A batch stays well below the 256 KB that limit a message and a batch alike; a larger message is sent alone.

The SDK (7.15) does not count what a batch takes over from its first message, such as the session: the bus refuses a
batch that the SDK has filled.
"""

_BUSY: Final = 2.0
"""The bus asks a throttled sender to wait for this many seconds.

https://learn.microsoft.com/azure/service-bus-messaging/service-bus-throttling
"""

_NOT_ALLOWED: Final = "amqp:not-allowed"
"""With this condition, a partitioned entity refuses the whole of a batch of several sessions; the SDK's error names it.

https://github.com/Azure/azure-sdk-for-python/issues/21955 has the text. To ask whether an entity is partitioned takes
the right to manage it, which a sender does not have.
"""

_LOOK_WAIT: Final = 2.0
"""A queue counts as empty when no dead letter has come for this many seconds."""

_LONGEST_HANDLING: Final = 600.0
"""The lock of a dead letter is renewed for at most this many seconds."""

_ADDED_BY_THE_BUS: Final = ("DeadLetterReason", "DeadLetterErrorDescription")
_DATA_BODY: Final = "data"

_REFUSALS: Final = (
    ClientAuthenticationError,
    MessagingEntityDisabledError,
    MessagingEntityNotFoundError,
    ServiceBusAuthenticationError,
    ServiceBusAuthorizationError,
)


class _Closes(Protocol):
    async def close(self) -> None: ...


H = TypeVar("H", bound=_Closes)

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Link:
    """Holds one sender, opened on first use. The lock keeps overlapping calls of `send` in order.

    `partitioned`: the entity takes one session at a time.
    """

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    sender: ServiceBusSender | None = None
    partitioned: bool = False

    async def close(self) -> None:
        sender, self.sender = self.sender, None
        if sender is not None:
            await _closed(sender)


class AzureServiceBus:
    """Implements `Bus` and `DeadLetters`."""

    def __init__(self, client: ServiceBusClient) -> None:
        self._client = client
        self._links: dict[str, _Link] = {}

    def in_use(self) -> bool:
        return True

    async def send(self, entity: str, messages: Sequence[Message]) -> Sequence[Message]:
        began = time.time_ns()
        sent = await self._sent(entity, messages)
        for message in sent:
            _traced(entity, message, began)
        if sent:
            metrics.record(MESSAGES_SENT, len(sent), {"messaging.destination.name": entity, "work": metrics.work()})
        return sent

    async def _sent(self, entity: str, messages: Sequence[Message]) -> Sequence[Message]:
        link = self._links.setdefault(entity, _Link())
        async with _translated(entity, writes=True), asyncio.timeout(SEND_LIFETIME), link.lock:
            try:
                if link.sender is None:
                    link.sender = self._sender(entity)
                if not link.partitioned:
                    with contextlib.suppress(_Partitioned):
                        return await _send(link.sender, messages)
                    link.partitioned = True
                    _log.warning("%s is partitioned: each batch holds the messages of one session", entity)
                return await _send(link.sender, _of_one_partition(messages))
            except ServiceBusServerBusyError:
                # The bus has answered: the link is sound.
                raise
            except BaseException:
                # The state of the link is unknown now: the next call opens another.
                await link.close()
                raise

    async def open(self, entities: Iterable[str]) -> None:
        """Opens the links to all of them at once: each takes half a second. What fails is left to the next `send`."""
        await asyncio.gather(*(self.send(entity, ()) for entity in entities), return_exceptions=True)

    async def dead_letters(self, entity: str, after: int, limit: int) -> Sequence[DeadLetter]:
        async with _translated(entity), asyncio.timeout(SEND_LIFETIME), self._dead_letter_receiver(entity) as receiver:
            found = await receiver.peek_messages(limit, sequence_number=after + 1)
            return [_dead_letter(each) for each in found]

    async def drain(self, entity: str, handle: Callable[[DeadLetter], Awaitable[None]], limit: int) -> int:
        renewer = AutoLockRenewer(max_lock_renewal_duration=_LONGEST_HANDLING)
        async with _closing(renewer), self._dead_letter_receiver(entity) as receiver:
            for done in range(limit):
                async with _translated(entity), asyncio.timeout(SEND_LIFETIME):
                    found = await receiver.receive_messages(1, max_wait_time=_LOOK_WAIT)
                if not found:
                    return done
                (message,) = found
                renewer.register(receiver, message)
                try:
                    await handle(_dead_letter(message))
                except BaseException:
                    # Otherwise it would stay locked, and the next call would skip it.
                    with contextlib.suppress(AzureError, OSError, TimeoutError):
                        async with asyncio.timeout(SEND_LIFETIME):
                            await receiver.abandon_message(message)
                    raise
                async with _translated(entity), asyncio.timeout(SEND_LIFETIME):
                    await receiver.complete_message(message)
        return limit

    @asynccontextmanager
    async def _dead_letter_receiver(self, entity: str) -> AsyncIterator[ServiceBusReceiver]:
        name, _, subscription = entity.partition("/")
        dead = ServiceBusSubQueue.DEAD_LETTER
        if subscription:
            receiver = self._client.get_subscription_receiver(name, subscription, sub_queue=dead)
        else:
            receiver = self._client.get_queue_receiver(name, sub_queue=dead)
        async with _closing(receiver):
            async with _translated(entity), asyncio.timeout(SEND_LIFETIME):
                await receiver.__aenter__()
            yield receiver

    async def close(self) -> None:
        for link in self._links.values():
            await link.close()

    def _sender(self, entity: str) -> ServiceBusSender:
        return self._client.get_topic_sender(entity) if entity == EVENT_TOPIC else self._client.get_queue_sender(entity)


@asynccontextmanager
async def open_bus(client: ServiceBusClient) -> AsyncIterator[AzureServiceBus]:
    """Yields the bus, which connects with the first message; closes its links and the client at the end."""
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(client.close)
        bus = AzureServiceBus(client)
        stack.push_async_callback(bus.close)
        yield bus


def _traced(entity: str, message: Message, began: int) -> None:
    """Adds a span to the trace of the message, though it was sent with messages of other traces."""
    due = {} if message.due is None else {"message.due": message.due.isoformat()}
    ended(
        f"send {entity}",
        kind="producer",
        parent=str(message.properties.get("traceparent", "")) or None,
        began=began,
        attributes={
            "messaging.system": "servicebus",
            "messaging.operation.type": "send",
            "messaging.destination.name": entity,
            "messaging.message.id": message.message_id,
            "stream.id": message.session_id or "",
            **due,
        },
    )


async def _send(sender: ServiceBusSender, messages: Sequence[Message]) -> Sequence[Message]:
    """Sends as many of the first `messages` as fit into one batch, and returns them.

    Raises _Partitioned when the bus refuses them because they belong to several partitions.
    """
    batch = await sender.create_message_batch(BATCH_BYTES)
    for message in messages[:BATCH_MESSAGES]:
        if not _fits(batch, message):
            break
    if messages and not len(batch):
        await sender.send_messages(_outgoing(messages[0]))
        return messages[:1]
    sent = messages[: len(batch)]
    try:
        await sender.send_messages(batch)
    except ServiceBusError as error:
        if _NOT_ALLOWED in str(error) and len(_of_one_partition(sent)) < len(sent):
            raise _Partitioned from error
        raise
    return sent


class _Partitioned(Exception):
    pass


def _of_one_partition(messages: Sequence[Message]) -> Sequence[Message]:
    """Returns those that go where the first one goes: the session decides, or the id where there is none."""
    keys = [message.session_id or message.message_id for message in messages]
    return [message for message, key in zip(messages, keys, strict=True) if key == keys[0]]


def _fits(batch: ServiceBusMessageBatch, message: Message) -> bool:
    try:
        batch.add_message(_outgoing(message))
    except (MessageSizeExceededError, MessageTooLarge):
        return False
    return True


def _outgoing(message: Message) -> ServiceBusMessage:
    """Raises MessageTooLarge for an id or a session that is longer than the 128 characters that the SDK takes."""
    try:
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
    except ValueError as error:
        raise MessageTooLarge(f"a message has what the bus does not carry: {error}") from error


def _dead_letter(message: ServiceBusReceivedMessage) -> DeadLetter:
    properties = {_text(name): value for name, value in (message.application_properties or {}).items()}
    enqueued_at = message.enqueued_time_utc
    assert message.sequence_number is not None, "the bus numbers all that it keeps"
    assert enqueued_at is not None, "the bus says when it took it"
    return DeadLetter(
        message=Received(
            message_id=message.message_id or "",
            session_id=message.session_id,
            sequence_number=message.sequence_number,
            body=_body(message),
            properties={
                name: value if isinstance(value, int) else _text(value)
                for name, value in properties.items()
                if name not in _ADDED_BY_THE_BUS
            },
        ),
        subject=message.subject or "",
        correlation_id=message.correlation_id or "",
        reason=message.dead_letter_reason or "",
        description=message.dead_letter_error_description or "",
        deliveries=message.delivery_count or 0,
        enqueued_at=enqueued_at,
    )


def _body(message: ServiceBusReceivedMessage) -> bytes:
    """Returns the body as bytes. Other senders may send AMQP values: they become text, for an operator to read."""
    return b"".join(message.body) if message.body_type.value == _DATA_BODY else str(message.body).encode()


def _text(value: object) -> str:
    """Returns text: the SDK gives names, and texts of some senders, as bytes."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


@asynccontextmanager
async def _closing(handler: H) -> AsyncIterator[H]:
    try:
        yield handler
    finally:
        await _closed(handler)


async def _closed(handler: _Closes) -> None:
    with contextlib.suppress(AzureError, OSError, TimeoutError):
        async with asyncio.timeout(_CLOSE_LIFETIME):
            await handler.close()


@asynccontextmanager
async def _translated(entity: str, *, writes: bool = False) -> AsyncIterator[None]:
    """Raises an AdapterError in place of an error of the SDK.

    With `writes`, a lost answer raises OutcomeUnknown, since the messages may still arrive; without, Unavailable.
    """
    try:
        yield
    except MessageSizeExceededError as error:
        raise MessageTooLarge(f"a message for {entity} is larger than the bus carries") from error
    except ServiceBusServerBusyError as error:
        raise Throttled(f"Service Bus is too busy for {entity}", _BUSY) from error
    except _REFUSALS as error:
        raise AccessRefused(f"Service Bus refuses access to {entity}: check the connection and the entity") from error
    except (AzureError, OSError, TimeoutError) as error:
        message = f"no answer from Service Bus for {entity} ({type(error).__name__})"
        raise OutcomeUnknown(message) if writes else Unavailable(message) from error
