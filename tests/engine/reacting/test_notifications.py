"""Some events, to a receiver that may be down: delayed, never lost, parked alone after a day."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from engine.consuming.messages import MessageConsumer
from engine.consuming.parked.release import Release
from engine.errors import Unavailable
from engine.messaging.notification import Notification, NotReceived, signature
from engine.messaging.port import Message, Received
from engine.messaging.topology import COMMAND_QUEUE, EVENT_TOPIC, NOTIFICATION_QUEUE, REACTION_QUEUE
from engine.messaging.wire import event_message
from engine.reacting.notifications import DELAYS, PAUSES, NotificationConsumer
from engine.storing.events import Metadata, StoredEvent
from engine.testing.times import NOON
from tests.engine.contexts import TRACE
from tests.engine.world import World

METADATA = Metadata("event-1", NOON, "correlation-1", "cause-1", TRACE, "ada", "f")
EVENT = StoredEvent("guest-1", 2, "GuestLeft", 1, "k/0", {"destination": "Ü \ud800"}, METADATA)
DAY = timedelta(days=1)


@dataclass
class Receiver:
    """Refuses so many posts, or all while `down`."""

    refusing: int = 0
    down: bool = False
    posted: list[Notification] = field(default_factory=list)

    async def post(self, notification: Notification) -> None:
        self.posted.append(notification)
        if self.down or len(self.posted) <= self.refusing:
            raise NotReceived("the receiver answered 503")


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
def consumer(world: World, receiver: Receiver) -> MessageConsumer:
    return MessageConsumer(
        NOTIFICATION_QUEUE, NotificationConsumer(receiver, world.bus, world.clock, world.pause).handle, vocabulary=1
    )


def published(number: int = 1, **properties: Any) -> Received:
    message = event_message(EVENT, message_id="event-1", session_id="guest-1", vocabulary=1)
    return Received(message.message_id, None, number, message.body, {**message.properties, **properties})


async def test_the_receiver_is_told_what_happened(world: World, receiver: Receiver, consumer: MessageConsumer) -> None:
    await world.hand_over(consumer, published())
    (notification,) = receiver.posted
    assert ("event-1", TRACE) == (notification.event_id, notification.traceparent)
    assert {
        "eventId": "event-1",
        "type": "GuestLeft",
        "stream": "guest-1",
        "version": 2,
        "occurredAt": "2026-11-23T12:00:00Z",
        "data": {"destination": "Ü \ud800"},
    } == json.loads(notification.body)
    assert not world.bus.sent


async def test_without_a_webhook_nobody_is_told(world: World) -> None:
    consumer = MessageConsumer(
        NOTIFICATION_QUEUE, NotificationConsumer(None, world.bus, world.clock, world.pause).handle, vocabulary=1
    )
    await world.hand_over(consumer, published())
    assert not world.bus.sent
    assert [] == await world.parked.alone(NOTIFICATION_QUEUE)


async def test_a_message_twice_is_the_same_id_and_the_same_bytes(
    world: World, receiver: Receiver, consumer: MessageConsumer
) -> None:
    await world.hand_over(consumer, published())
    await world.hand_over(consumer, published())
    first, second = receiver.posted
    assert first == second


async def test_a_receiver_that_is_down_for_a_moment_is_waited_for(
    world: World, receiver: Receiver, consumer: MessageConsumer
) -> None:
    receiver.refusing = len(PAUSES)
    await world.hand_over(consumer, published())
    assert list(PAUSES) == world.pauses
    assert 1 + len(PAUSES) == len(receiver.posted)
    assert not world.bus.sent


async def test_one_that_stays_down_delays_ever_longer_and_is_parked_alone_in_the_end(
    world: World, receiver: Receiver, consumer: MessageConsumer
) -> None:
    receiver.down = True
    await world.hand_over(consumer, published())
    dues = []
    for attempt in range(1, len(DELAYS) + 1):
        message = world.bus.sent[NOTIFICATION_QUEUE][-1]
        assert (f"event-1/{attempt}", attempt) == (message.message_id, message.properties["attempt"])
        assert (None, "GuestLeft", "correlation-1") == (message.session_id, message.subject, message.correlation_id)
        assert (TRACE, 1) == (message.properties["traceparent"], message.properties["schema"])
        assert message.due is not None
        dues.append(message.due - world.now)
        world.now = message.due
        tried, paused = len(receiver.posted), len(world.pauses)
        (received,) = world.bus.deliver(NOTIFICATION_QUEUE)
        await world.hand_over(consumer, received)
        assert tried + 1 == len(receiver.posted)
        assert paused == len(world.pauses)
    assert list(DELAYS) == dues == sorted(dues)
    assert DAY * 0.95 < sum(dues, timedelta()) < DAY
    assert [] == world.bus.deliver(NOTIFICATION_QUEUE)
    assert 1 == len({(each.event_id, each.body) for each in receiver.posted})
    (alone,) = await world.parked.alone(NOTIFICATION_QUEUE)
    assert (f"event-1/{len(DELAYS)}", 1 + len(DELAYS)) == (alone.message.message_id, alone.failure.attempts)
    assert "the receiver answered 503" in alone.failure.error


async def test_a_copy_that_is_accepted_is_the_last(world: World, receiver: Receiver, consumer: MessageConsumer) -> None:
    receiver.refusing = 1 + len(PAUSES)
    await world.hand_over(consumer, published())
    (received,) = world.bus.deliver(NOTIFICATION_QUEUE)
    await world.hand_over(consumer, received)
    assert [] == world.bus.deliver(NOTIFICATION_QUEUE)
    assert receiver.posted[0] == receiver.posted[-1]


async def test_copies_never_go_where_others_would_get_them(
    world: World, receiver: Receiver, consumer: MessageConsumer
) -> None:
    receiver.down = True
    await world.hand_over(consumer, published())
    assert not world.bus.sent.keys() & {EVENT_TOPIC, COMMAND_QUEUE, REACTION_QUEUE}


async def test_a_bus_that_is_away_then_is_waited_for(
    world: World, receiver: Receiver, consumer: MessageConsumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver.down = True
    send, refused = world.bus.send, [Unavailable("away"), Unavailable("away")]

    async def away(entity: str, messages: list[Message]) -> Sequence[Message]:
        if refused:
            raise refused.pop()
        return await send(entity, messages)

    monkeypatch.setattr(world.bus, "send", away)
    await world.hand_over(consumer, published())
    assert ["event-1/1"] == [each.message_id for each in world.bus.sent[NOTIFICATION_QUEUE]]


@pytest.mark.parametrize(
    "message",
    [Received("m", None, 1, b"<xml/>"), Received("m", None, 1, b"{}"), published(attempt="1"), published(attempt=-1)],
)
async def test_what_nobody_will_understand_is_parked_alone_at_once(
    world: World, receiver: Receiver, consumer: MessageConsumer, message: Received
) -> None:
    await world.hand_over(consumer, message)
    assert 1 == len(await world.parked.alone(NOTIFICATION_QUEUE))
    assert [] == receiver.posted


async def test_one_that_was_parked_is_posted_when_it_is_released(
    world: World, receiver: Receiver, consumer: MessageConsumer
) -> None:
    receiver.down = True
    await world.hand_over(consumer, published(attempt=len(DELAYS)))
    release = Release(world.parked, world.clock, world.pause)
    (alone,) = await world.parked.alone(NOTIFICATION_QUEUE)
    assert "503" in str(await release.alone(consumer, alone))
    receiver.down = False
    assert await release.alone(consumer, alone) is None
    assert [] == await world.parked.alone(NOTIFICATION_QUEUE)
    assert not world.bus.sent


def test_the_signature_is_what_openssl_says() -> None:
    """printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac 'quiet'"""
    assert SIGNED == signature("quiet", 1_700_000_000, b'{"a":1}')


SIGNED = "t=1700000000,v1=459d571e4b12e88d92e0c6752ee2c3006d3029802a92128e58df969ee7dd03d1"
