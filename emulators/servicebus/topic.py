"""Topics: every subscription with a rule that matches gets a copy of a message, with a number of its own."""

from __future__ import annotations

from collections.abc import Iterable

from emulators.servicebus.config import SubscriptionSettings, TopicSettings
from emulators.servicebus.errors import ServiceBusError
from emulators.servicebus.messages import Incoming
from emulators.servicebus.queue import Queue, cancel_scheduled, is_duplicate
from emulators.servicebus.rule_codec import decode_rule, encode_rule
from emulators.servicebus.rules import Rule
from emulators.servicebus.runtime import Runtime
from emulators.servicebus.store import SCHEDULED, StoredMessage, message_id


class Subscription:
    """A queue and the rules that fill it. Rules that clients change outlive the process."""

    def __init__(self, runtime: Runtime, settings: SubscriptionSettings) -> None:
        self.queue = Queue(runtime, settings.queue)
        self._runtime = runtime
        self._rules = {rule.name.lower(): rule for rule in settings.rules}
        for name, description in runtime.store.rule_changes(self.queue.number):
            if description is None:
                self._rules.pop(name, None)
            else:
                self._rules[name] = decode_rule(description)

    @property
    def rules(self) -> list[Rule]:
        return list(self._rules.values())

    def add_rule(self, rule: Rule) -> None:
        """Raises ServiceBusError when there is one of this name."""
        key = rule.name.lower()
        if key in self._rules:
            raise ServiceBusError(
                "com.microsoft:entity-already-exists", f"The rule '{rule.name}' of '{self.queue.name}' exists.", 409
            )
        self._rules[key] = rule
        self._runtime.store.set_rule(self.queue.number, key, encode_rule(rule))

    def remove_rule(self, name: str) -> None:
        """Raises ServiceBusError when there is none of this name."""
        if self._rules.pop(name.lower(), None) is None:
            raise ServiceBusError("amqp:not-found", f"There is no rule '{name}' of '{self.queue.name}'.", 404)
        self._runtime.store.set_rule(self.queue.number, name.lower(), None)


class Topic:
    def __init__(self, runtime: Runtime, settings: TopicSettings) -> None:
        self.name = settings.name
        self.settings = settings
        self.number, self._last = runtime.store.register(settings.name)
        self.subscriptions = [Subscription(runtime, each) for each in settings.subscriptions]
        self._with_sessions = any(each.queue.requires_session for each in settings.subscriptions)
        self._runtime = runtime

    def check(self, message: Incoming) -> None:
        """Raises ServiceBusError for a message that a subscription which wants it cannot take."""
        if message.session is None and self._with_sessions:
            for subscription in self._wanting(message):
                subscription.queue.check(message)

    def send(self, message: Incoming) -> int:
        """Hand a message to the subscriptions, unless its id was seen; returns its number here, 0 for a seen one."""
        self.check(message)
        if is_duplicate(self._runtime, self.number, message, self.settings.duplicate_detection_window):
            return 0
        return self.put(message)

    def put(self, message: Incoming) -> int:
        self._last += 1
        self._runtime.note_last(self.number, self._last)
        now = self._runtime.now()
        if message.due is not None and message.due > now:
            self._schedule(message, message.due, now)
            return self._last
        limited = message.limited_to(self.settings.default_time_to_live)
        for subscription in self._wanting(limited):
            subscription.queue.put(limited, self._last)
        return self._last

    def cancel_scheduled(self, sequence_numbers: Iterable[int]) -> None:
        """All or none. Raises ServiceBusError."""
        cancel_scheduled(self._runtime, self.number, sequence_numbers)

    def peek(self, start: int, limit: int) -> list[StoredMessage]:
        """The scheduled messages: all others are in the subscriptions."""
        return self._runtime.store.peek(message_id(self.number, max(start, 1) - 1), self.number, None, limit)

    def _wanting(self, message: Incoming) -> list[Subscription]:
        properties = message.filterable()
        return [
            subscription
            for subscription in self.subscriptions
            if any(rule.filter.matches(properties) for rule in subscription.rules)
        ]

    def _schedule(self, message: Incoming, due: int, now: int) -> None:
        self._runtime.store.insert(
            StoredMessage(
                message_id(self.number, self._last),
                SCHEDULED,
                None,
                0,
                now,
                None,
                due,
                message.header(),
                message.annotations,
                message.body,
            )
        )
        self._runtime.wake_at(due)
