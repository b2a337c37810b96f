"""All entities of a namespace, by address, and what time brings to them."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote

from emulators.servicebus.config import NamespaceSettings
from emulators.servicebus.errors import entity_not_found, not_implemented
from emulators.servicebus.messages import stored_as_incoming
from emulators.servicebus.queue import DEAD_LETTERS, Queue
from emulators.servicebus.runtime import Runtime
from emulators.servicebus.store import SEQUENCE_BITS
from emulators.servicebus.topic import Subscription, Topic

_AUTHORITY: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/]*")
_FORGET_EVERY: Final = 60_000  # milliseconds


def normalised(address: str) -> str:
    """An address as clients write it (`amqps://host/q`, `/q`, `q`) as the path of an entity, percent-decoded."""
    return unquote(_AUTHORITY.sub("", address)).strip("/")


class Namespace:
    def __init__(self, settings: NamespaceSettings, runtime: Runtime) -> None:
        self.settings = settings
        self.runtime = runtime
        self.queues: dict[str, Queue] = {}
        self.topics: dict[str, Topic] = {}
        self.subscriptions: dict[str, Subscription] = {}
        for queue_settings in settings.queues:
            self._add(Queue(runtime, queue_settings))
        for topic_settings in settings.topics:
            topic = Topic(runtime, topic_settings)
            self.topics[topic.name.lower()] = topic
            for subscription in topic.subscriptions:
                self._add(subscription.queue)
                self.subscriptions[subscription.queue.name.lower()] = subscription
        self._by_number: dict[int, Queue | Topic] = {each.number: each for each in self.queues.values()}
        self._by_number |= {each.number: each for each in self.topics.values()}
        self._forget_at = 0
        self.run_due()
        runtime.finish_turn()

    def _add(self, queue: Queue) -> None:
        self.queues[queue.name.lower()] = queue
        if queue.dead_letters is not None:
            self.queues[queue.dead_letters.name.lower()] = queue.dead_letters

    def destination(self, path: str) -> Queue | Topic:
        """Where senders send to. Raises ServiceBusError."""
        key = path.lower()
        found = self.topics.get(key) or self.queues.get(key)
        if found is None or key in self.subscriptions or key.endswith(f"/{DEAD_LETTERS}".lower()):
            raise entity_not_found(path)
        return found

    def source(self, path: str) -> Queue:
        """Where receivers receive from. Raises ServiceBusError."""
        key = path.lower()
        if key.endswith("/$transfer/$deadletterqueue"):
            raise not_implemented("transfer dead-letter queues, which need forwarding")
        found = self.queues.get(key)
        if found is None:
            raise entity_not_found(path)
        return found

    def entity(self, path: str) -> Queue | Topic:
        """Raises ServiceBusError."""
        return self.topics.get(path.lower()) or self.source(path)

    def run_due(self) -> None:
        """Do what is due: locks and waits end, scheduled messages come, others expire. Sets the next alarm."""
        runtime = self.runtime
        runtime.alarm = None
        now = runtime.now()
        upcoming = [self._enqueue_due(now), self._forget_seen(now)]
        upcoming += [queue.run_due(now) for queue in self.queues.values() if queue.dead_letters is not None]
        for message in runtime.store.expired(now):
            entity = self._by_number.get(message >> SEQUENCE_BITS)
            if isinstance(entity, Queue):
                entity.expire(message)
        upcoming.append(runtime.store.next_expiry(now))
        for when in upcoming:
            if when is not None:
                runtime.wake_at(when)

    def _enqueue_due(self, now: int) -> int | None:
        """A scheduled message arrives as if it was sent now, with a new number."""
        store = self.runtime.store
        for number in store.due(now):
            entity = self._by_number.get(number >> SEQUENCE_BITS)
            message = store.find(number)
            # What belongs to an entity that is configured no more stays: it may come back.
            if entity is not None and message is not None:
                store.delete(number)
                entity.put(stored_as_incoming(message))
        return store.next_due(now)

    def _forget_seen(self, now: int) -> int:
        if now >= self._forget_at:
            self.runtime.store.forget_seen(now)
            self._forget_at = now + _FORGET_EVERY
        return self._forget_at
