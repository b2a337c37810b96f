"""Every entity of the bus: the one definition that senders, the local broker, tests and infrastructure read."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

LOCK_DURATION: Final = timedelta(seconds=30)
"""How long a message, or a session, stays with a receiver that does not renew."""

MAX_DELIVERIES: Final = 10
"""Then the bus gives a message up. Handlers wait for what is away, so that it is left for crashes."""

DETECTION_WINDOW: Final = timedelta(hours=1)
"""How long the bus drops messages of an id that it has seen: an economy, since every consumer is right without it."""

COMMAND_QUEUE: Final = "commands"
"""Commands of clients and of processes; the session is the target stream."""

REACTION_QUEUE: Final = "reactions"
"""Events that a process reacts to, and its own timeouts; the session is the process's stream."""

EVENT_TOPIC: Final = "events"
"""Every event; the session is its stream."""

NOTIFICATION_QUEUE: Final = "notifications"
"""Notifications whose receiver was down, scheduled for another attempt."""

NOTIFICATION_SUBSCRIPTION: Final = "notifications"
"""Of the topic: the events that somebody outside is notified of."""

NOTIFICATIONS_OF_EVENTS: Final = f"{EVENT_TOPIC}/{NOTIFICATION_SUBSCRIPTION}"
"""That subscription, as an entity whose dead letters are looked at: it takes no messages of its own."""


@dataclass(frozen=True, slots=True)
class Queue:
    """With `sessions`, messages of one session come in order, to one receiver at a time."""

    name: str
    sessions: bool = False


@dataclass(frozen=True, slots=True)
class Subscription:
    """Takes the messages of its topic that have one of these `subjects`, in no order."""

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
        """Each as an entity of its own, `topic/name`: dead letters lie there."""
        return tuple(f"{self.topic.name}/{each.name}" for each in self.topic.subscriptions)


def topology(notified: Iterable[str]) -> Topology:
    """`notified` are the types of the events that somebody outside is notified of."""
    return Topology(
        queues=(Queue(COMMAND_QUEUE, sessions=True), Queue(REACTION_QUEUE, sessions=True), Queue(NOTIFICATION_QUEUE)),
        topic=Topic(EVENT_TOPIC, (Subscription(NOTIFICATION_SUBSCRIPTION, tuple(notified)),)),
    )
