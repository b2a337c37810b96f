"""This is the only definition of the bus's entities; senders, the local broker and tests read it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

LOCK_DURATION: Final = timedelta(seconds=30)
"""A receiver that does not renew the lock of a message, or of a session, loses it after this time."""

MAX_DELIVERIES: Final = 10
"""After this many deliveries, a message becomes a dead letter.

Handlers wait inside a delivery, so it takes ten crashes, or an outage of some 45 minutes.
"""

DETECTION_WINDOW: Final = timedelta(hours=1)
"""For this time, the bus drops a message whose id it has seen.

It only saves work: every consumer is right without it.
"""

COMMAND_QUEUE: Final = "commands"
"""Carries the commands of clients and of processes; the session is the target stream."""

REACTION_QUEUE: Final = "reactions"
"""Carries the inputs of processes, events and timeouts; the session is the stream of the process."""

EVENT_TOPIC: Final = "events"
"""Carries every event; the session is its stream."""

RELAYED: Final = (EVENT_TOPIC, COMMAND_QUEUE, REACTION_QUEUE)
"""What follows from events goes to these."""

NOTIFICATION_QUEUE: Final = "notifications"
"""Carries notifications whose receiver was down, scheduled for another attempt."""

NOTIFICATION_SUBSCRIPTION: Final = "notifications"
"""Takes from the topic the events that a receiver outside is notified of."""

NOTIFICATIONS_OF_EVENTS: Final = f"{EVENT_TOPIC}/{NOTIFICATION_SUBSCRIPTION}"
"""Names that subscription as an entity whose dead letters are read; no message is sent to it directly."""

CONSUMERS: Final[Mapping[str, str]] = {
    COMMAND_QUEUE: COMMAND_QUEUE,
    REACTION_QUEUE: REACTION_QUEUE,
    NOTIFICATION_QUEUE: NOTIFICATION_QUEUE,
    NOTIFICATIONS_OF_EVENTS: NOTIFICATION_QUEUE,
}
"""Maps each entity from which messages are taken, and in which they die, to the consumer that takes them."""


@dataclass(frozen=True, slots=True)
class Queue:
    """Describes a queue. With `sessions`, the messages of one session come in order, to one receiver at a time."""

    name: str
    sessions: bool = False


@dataclass(frozen=True, slots=True)
class Subscription:
    """Takes the messages of its topic that have one of these `subjects`, in any order."""

    name: str
    subjects: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Topic:
    name: str
    subscriptions: tuple[Subscription, ...]


@dataclass(frozen=True, slots=True)
class Topology:
    queues: tuple[Queue, ...]
    topic: Topic

    @property
    def subscriptions(self) -> tuple[str, ...]:
        """Names each subscription as an entity, `topic/name`, which holds its dead letters."""
        return tuple(f"{self.topic.name}/{each.name}" for each in self.topic.subscriptions)


def topology(notified: Iterable[str]) -> Topology:
    """Returns the topology; `notified` are the types of the events that a receiver outside is notified of."""
    return Topology(
        queues=(Queue(COMMAND_QUEUE, sessions=True), Queue(REACTION_QUEUE, sessions=True), Queue(NOTIFICATION_QUEUE)),
        topic=Topic(EVENT_TOPIC, (Subscription(NOTIFICATION_SUBSCRIPTION, tuple(notified)),)),
    )
