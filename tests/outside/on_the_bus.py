"""Messages: those of the stories, and those that are sent when something went wrong."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final, cast

from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient

from domain.order.events import OrderCancelled, OrderShipped
from engine.consuming.messages import MessageRunner
from engine.consuming.parked.memory import MemoryParkedStore
from engine.consuming.redrive import Redrive
from engine.consuming.retry_policy import RetryPolicy
from engine.messaging.memory import MemoryBus
from engine.messaging.notification import Notification, NotReceived
from engine.messaging.port import Message
from engine.messaging.servicebus import AzureServiceBus
from engine.messaging.topology import COMMAND_QUEUE, EVENT_TOPIC, NOTIFICATION_QUEUE, REACTION_QUEUE
from engine.messaging.wire import event_message
from engine.reacting.notifications import DELAYS, NotificationConsumer
from tests.outside.at_rest import stored
from tests.outside.rendered import text_of
from tests.outside.stories import STORIES, dispatched, told
from tests.outside.values import DATE_TIME, METADATA, ORDER_ID, PROPERTIES, SOON, TEXT, received

EVENT: Final = stored(OrderShipped(ORDER_ID, "c-1", TEXT, DATE_TIME))


def message_json(message: Message) -> dict[str, Any]:
    return {
        "messageId": message.message_id,
        "sessionId": message.session_id,
        "subject": message.subject,
        "body": text_of(message.body),
        "correlationId": message.correlation_id,
        "properties": dict(message.properties),
        "due": None if message.due is None else message.due.isoformat(),
    }


async def stream_items() -> Any:
    """Every event of the stories at rest, in the order of commits."""
    return {name: list((await told(story)).store.commits().items) for name, story in STORIES.items()}


async def bus_messages() -> Any:
    """Every message of the stories, by entity and in order."""
    sent = {name: (await told(story)).bus.sent for name, story in STORIES.items()}
    return {
        name: {
            entity: [message_json(each) for each in by_entity[entity]]
            for entity in (EVENT_TOPIC, COMMAND_QUEUE, REACTION_QUEUE)
        }
        for name, by_entity in sent.items()
    }


async def event_message_of_any_text() -> Any:
    """Half of a surrogate pair is no UTF-8, and travels all the same."""
    broken = stored(OrderCancelled(ORDER_ID, "c-1", "half a \ud83e pair"))
    return message_json(event_message(broken, message_id="m", session_id="s", vocabulary=1))


async def delayed_notifications() -> Any:
    """The scheduled copies of a notification whose receiver stays down, from the first to the last."""
    bus, now = MemoryBus(), SOON

    class Down:
        async def post(self, _: Notification) -> None:
            raise NotReceived("down")

    async def no_pause(_: float) -> None:
        return None

    consumer = NotificationConsumer(Down(), bus, lambda: now, no_pause)
    published = event_message(EVENT, message_id=METADATA.event_id, session_id=EVENT.stream_id, vocabulary=1)
    await bus.send(NOTIFICATION_QUEUE, [published])
    for delay in DELAYS:
        (message,) = bus.deliver(NOTIFICATION_QUEUE)
        await consumer.handle(message)
        now += delay
    return [message_json(each) for each in bus.sent[NOTIFICATION_QUEUE][1:]]


async def redriven_messages() -> Any:
    """Dead letters of a session and of none; the id of one is as long as the bus allows."""
    bus = MemoryBus()
    for message_id, session in (("command-1", "order-1"), ("x" * 128, None)):
        dead = received(1, session)
        await bus.send(
            COMMAND_QUEUE, [Message(message_id, session, "CancelOrder", dead.body, "correlation", PROPERTIES)]
        )
    for letter in bus.deliver(COMMAND_QUEUE):
        bus.bury(COMMAND_QUEUE, letter, "Broken", "it always crashes")

    async def no_pause(_: float) -> None:
        return None

    redrive = Redrive(bus, bus, MessageRunner(MemoryParkedStore(), lambda: SOON), RetryPolicy(lambda: SOON, no_pause))
    await redrive.to_queue(COMMAND_QUEUE, 2, lambda _: None)
    return [message_json(each) for each in bus.sent[COMMAND_QUEUE][2:]]


class _Batch(list[ServiceBusMessage]):
    def add_message(self, message: ServiceBusMessage) -> None:
        self.append(message)


class _Sender:
    def __init__(self, kind: str, sent: list[dict[str, Any]]) -> None:
        self._kind = kind
        self._sent = sent

    async def create_message_batch(self, max_size_in_bytes: int) -> _Batch:
        return _Batch()

    async def send_messages(self, batch: _Batch) -> None:
        self._sent += [{"to": self._kind, **_outgoing_json(each)} for each in batch]

    async def close(self) -> None:
        return None


class _Client:
    """Stands where the SDK's client of Service Bus would."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []

    def get_queue_sender(self, name: str) -> _Sender:
        return _Sender(f"queue {name}", self.sent)

    def get_topic_sender(self, name: str) -> _Sender:
        return _Sender(f"topic {name}", self.sent)


def _outgoing_json(message: ServiceBusMessage) -> dict[str, Any]:
    due = message.scheduled_enqueue_time_utc
    return {
        "messageId": message.message_id,
        "sessionId": message.session_id,
        "subject": message.subject,
        "correlationId": message.correlation_id,
        "contentType": message.content_type,
        "applicationProperties": message.application_properties,
        "scheduledEnqueueTimeUtc": None if due is None else due.isoformat(),
        "body": text_of(b"".join(message.body)),
    }


async def service_bus_messages() -> Any:
    """One of each entity as the SDK is given it, and one that is due later."""
    sent = (await told(dispatched)).bus.sent
    client = _Client()
    bus = AzureServiceBus(cast(ServiceBusClient, client))
    for entity in (EVENT_TOPIC, COMMAND_QUEUE, REACTION_QUEUE):
        await bus.send(entity, sent[entity][:1])
    await bus.send(REACTION_QUEUE, _scheduled(sent[REACTION_QUEUE])[:1])
    await bus.send(
        NOTIFICATION_QUEUE, [Message("m", None, "OrderShipped", b"{}", "c", {"attempt": 1}, SOON + _A_MINUTE)]
    )
    await bus.close()
    return client.sent


_A_MINUTE: Final = timedelta(minutes=1)


def _scheduled(messages: Sequence[Message]) -> list[Message]:
    return [each for each in messages if each.due is not None]
