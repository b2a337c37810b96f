"""The rules of a queue: what happens to a message between its arrival and its end. No AMQP, no I/O but the store.

A subscription is a queue that a topic fills, and the dead letters of either are a queue that nothing else fills.
Rules: the documentation of Service Bus on message transfers, locks and settlement, dead-letter queues and expiration.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from emulators.servicebus.backlog import Backlog
from emulators.servicebus.config import QueueSettings
from emulators.servicebus.errors import (
    message_lock_lost,
    message_not_found,
    not_allowed,
    session_lock_lost,
)
from emulators.servicebus.holding import Lock, LockedSession, Receiver
from emulators.servicebus.locks import Locks
from emulators.servicebus.messages import Incoming, add_annotations, with_application_properties
from emulators.servicebus.runtime import Runtime
from emulators.servicebus.sessions import Sessions
from emulators.servicebus.store import ACTIVE, DEFERRED, SCHEDULED, StoredMessage, message_id

DEAD_LETTERS: Final = "$DeadLetterQueue"
# How many messages one receiver gets before the next one is asked.
_SHARE: Final = 64
_ENQUEUE_SEQUENCE: Final = "x-opt-enqueue-sequence-number"


@dataclass(frozen=True)
class Deferred:
    """A deferred message that was received by its number; without a lock where it was deleted by that."""

    message: StoredMessage
    lock: Lock | None


class Queue:
    def __init__(self, runtime: Runtime, settings: QueueSettings, *, parent: Queue | None = None) -> None:
        """With a `parent` it is that queue's dead letters."""
        self.name = settings.name if parent is None else f"{settings.name}/{DEAD_LETTERS}"
        self.runtime = runtime
        self.settings = settings
        self.number, self._last = runtime.store.register(self.name)
        self.locks = Locks(max(1, int(settings.lock_duration.total_seconds() * 1000 / runtime.hurry)))
        self.dead_letters: Queue | None = None if parent else Queue(runtime, settings, parent=self)
        self.sessions: Sessions | None = None
        if parent is None and settings.requires_session:
            self.sessions = Sessions(self)
        self._backlog = self.backlog()
        self._receivers: deque[Receiver] = deque()

    def backlog(self, session: str | None = None) -> Backlog:
        """What waits here: all of it, or that of one session."""
        store, number = self.runtime.store, self.number

        def fetch(after: int, limit: int) -> list[StoredMessage]:
            if session is None:
                return store.active(after, number, limit)
            return store.active_in_session(after, number, session, limit)

        return Backlog(fetch, store.find, message_id(number, 0), message_id(number, self._last))

    # Arrival.

    def check(self, message: Incoming) -> None:
        """Raises ServiceBusError for a message that cannot be taken."""
        if self.sessions is not None and message.session is None:
            raise not_allowed(f"The entity '{self.name}' requires sessions, and the message has no session id.")

    def send(self, message: Incoming) -> int:
        """Take a message, unless its id was seen; returns its sequence number, or 0 for one that was seen."""
        self.check(message)
        if is_duplicate(self.runtime, self.number, message, self.settings.duplicate_detection_window):
            return 0
        return self.put(message)

    def put(self, message: Incoming, enqueue_sequence_number: int | None = None) -> int:
        """Append a message, or keep it for later if it is scheduled. Topics give the number that it has there."""
        now = self.runtime.now()
        if enqueue_sequence_number is None and message.due is not None and message.due > now:
            return self._schedule(message, message.due)
        annotations = message.annotations
        if enqueue_sequence_number is not None:
            annotations = add_annotations(annotations, {_ENQUEUE_SEQUENCE: enqueue_sequence_number})
        stored = self._stored(message, now, ACTIVE, annotations=annotations)
        self.runtime.store.insert(stored)
        self._waits(stored.id, stored.session)
        return stored.sequence_number

    def _schedule(self, message: Incoming, due: int) -> int:
        stored = self._stored(message, self.runtime.now(), SCHEDULED, due=due)
        self.runtime.store.insert(stored)
        self.runtime.wake_at(due)
        return stored.sequence_number

    def _stored(
        self, message: Incoming, now: int, state: int, *, due: int | None = None, annotations: bytes | None = None
    ) -> StoredMessage:
        message = message.limited_to(self.settings.default_time_to_live)
        expires = None if message.time_to_live is None else (due or now) + message.time_to_live
        if expires is not None and state == ACTIVE:
            self.runtime.wake_at(expires)
        return StoredMessage(
            message_id(self.number, self._next()),
            state,
            message.session if self.sessions else None,
            0,
            now,
            expires,
            due,
            message.header(),
            message.annotations if annotations is None else annotations,
            message.body,
        )

    def _next(self) -> int:
        self._last += 1
        self.runtime.note_last(self.number, self._last)
        return self._last

    def cancel_scheduled(self, sequence_numbers: Iterable[int]) -> None:
        """All or none. Raises ServiceBusError."""
        cancel_scheduled(self.runtime, self.number, sequence_numbers)

    # Handing out.

    def attach(self, receiver: Receiver) -> None:
        """Raises ServiceBusError where messages come by session only."""
        if self.sessions is not None:
            raise not_allowed(f"The entity '{self.name}' requires sessions; a receiver has to accept one of them.")
        self._receivers.append(receiver)
        self.runtime.wake(self)

    def detach(self, receiver: Receiver) -> None:
        """What it had locked stays locked until the locks end."""
        if receiver in self._receivers:
            self._receivers.remove(receiver)

    def dispatch(self) -> None:
        if self.sessions is not None:
            self.sessions.dispatch()
            return
        self._receivers.rotate(-1)
        asking = [receiver for receiver in self._receivers if receiver.capacity() > 0]
        while asking:
            for receiver in asking:
                if not self.hand_out(self._backlog, receiver, None):
                    return
            asking = [receiver for receiver in asking if receiver.capacity() > 0]

    def hand_out(self, backlog: Backlog, receiver: Receiver, session: LockedSession | None) -> bool:
        """Give a receiver as much as it takes, at most its share; whether there was anything."""
        wanted = min(receiver.capacity(), _SHARE)
        taken = self._take(backlog, wanted)
        now = self.runtime.now()
        for message in taken:
            if receiver.deletes:
                self.runtime.store.delete(message.id)
                receiver.deliver(message, None)
                continue
            lock = self.locks.lock(message, now, session)
            if session is None:
                self.runtime.wake_at(lock.until)
            receiver.deliver(message, lock)
        return bool(taken)

    def _take(self, backlog: Backlog, wanted: int) -> list[StoredMessage]:
        now = self.runtime.now()
        while taken := backlog.take(wanted):
            alive = [message for message in taken if message.expires is None or message.expires > now]
            if len(alive) < len(taken):
                for message in taken:
                    if message.expires is not None and message.expires <= now:
                        self._expire(message)
            if alive:
                return alive
        return []

    def _waits(self, message: int, session: str | None) -> None:
        if self.sessions is None:
            self._backlog.add(message)
        else:
            assert session is not None
            self.sessions.add(message, session)
        self.runtime.wake(self)

    # Settlement. Each raises ServiceBusError for a lock that is gone.

    def complete(self, token: bytes) -> None:
        lock = self._locked(token)
        self.locks.remove(lock)
        self.runtime.store.delete(lock.message)

    def abandon(self, token: bytes, changes: Mapping[str, Any] | None = None) -> None:
        self._fail(self._locked(token), changes or {})

    def defer(self, token: bytes, changes: Mapping[str, Any] | None = None) -> None:
        lock = self._locked(token)
        self.locks.remove(lock)
        self.runtime.store.update(
            lock.message,
            delivery_count=lock.delivery_count,
            state=DEFERRED,
            body=self._changed(lock.message, changes),
        )

    def dead_letter(
        self,
        token: bytes,
        reason: str | None = None,
        description: str | None = None,
        changes: Mapping[str, Any] | None = None,
    ) -> None:
        lock = self._locked(token)
        if self.dead_letters is None:
            raise not_allowed(f"A message of '{self.name}' is a dead letter already.")
        self.locks.remove(lock)
        self._move_to_dead_letters(lock.message, lock.delivery_count, reason, description, changes)

    def release(self, token: bytes) -> None:
        """Give a message back as if it had never been handed out."""
        lock = self.locks.find(token)
        if lock is not None:
            self.give_back(lock)

    def give_back(self, lock: Lock) -> None:
        self.locks.remove(lock)
        if lock.state == ACTIVE:
            self._waits(lock.message, None if lock.session is None else lock.session.id)

    def fail(self, lock: Lock) -> None:
        """A delivery did not end well: its lock expired."""
        self._fail(lock, {})

    def renew(self, token: bytes) -> int:
        """Returns the time at which the lock ends now."""
        lock = self._locked(token)
        if lock.session is not None:
            raise not_allowed("A message of a session has no lock of its own; renew the lock of the session.")
        self.locks.renew(lock, self.runtime.now())
        return lock.until

    def _locked(self, token: bytes) -> Lock:
        lock = self.locks.find(token)
        if lock is None or lock.until <= self.runtime.now():
            raise message_lock_lost()
        return lock

    def _fail(self, lock: Lock, changes: Mapping[str, Any]) -> None:
        count = lock.delivery_count + 1
        self.locks.remove(lock)
        if self.dead_letters is not None and count >= self.settings.max_delivery_count:
            self._move_to_dead_letters(
                lock.message,
                count,
                "MaxDeliveryCountExceeded",
                f"Message could not be consumed after {count} delivery attempts.",
                changes,
            )
            return
        body = self._changed(lock.message, changes)
        self.runtime.store.update(lock.message, delivery_count=count, state=lock.state, body=body)
        if lock.state == ACTIVE:
            self._waits(lock.message, None if lock.session is None else lock.session.id)

    def _changed(self, message: int, changes: Mapping[str, Any] | None) -> bytes | None:
        if not changes:
            return None
        found = self.runtime.store.find(message)
        return None if found is None else with_application_properties(found.body, changes)

    def _move_to_dead_letters(
        self,
        message: int,
        delivery_count: int,
        reason: str | None,
        description: str | None,
        changes: Mapping[str, Any] | None = None,
    ) -> None:
        found = self.runtime.store.find(message)
        if found is None or self.dead_letters is None:
            return
        why = {"DeadLetterReason": reason, "DeadLetterErrorDescription": description}
        added = {**(changes or {}), **{name: text for name, text in why.items() if text is not None}}
        self.runtime.store.delete(message)
        self.dead_letters.adopt(
            found._replace(delivery_count=delivery_count, body=with_application_properties(found.body, added))
        )

    def adopt(self, message: StoredMessage) -> None:
        """Take a dead letter, which keeps its number and never expires."""
        annotations = message.annotations
        if _ENQUEUE_SEQUENCE.encode() not in annotations:
            annotations = add_annotations(annotations, {_ENQUEUE_SEQUENCE: message.sequence_number})
        self._last = max(self._last, message.sequence_number)
        self.runtime.note_last(self.number, self._last)
        adopted = message._replace(
            id=message_id(self.number, message.sequence_number),
            state=ACTIVE,
            session=None,
            expires=None,
            annotations=annotations,
        )
        self.runtime.store.insert(adopted)
        self._waits(adopted.id, None)

    # By number.

    def receive_deferred(self, sequence_numbers: Iterable[int], *, delete: bool, session: str | None) -> list[Deferred]:
        """All or none. Raises ServiceBusError."""
        now = self.runtime.now()
        locked_session = None
        if self.sessions is not None:
            locked_session = self.sessions.locked(session or "")
            if locked_session is None:
                raise session_lock_lost(session or "")
        found = []
        for number in sequence_numbers:
            message = self.runtime.store.find(message_id(self.number, number))
            if message is None or message.state != DEFERRED or self.locks.holds(message.id):
                raise message_not_found(number)
            if self.sessions is not None and message.session != session:
                raise message_not_found(number)
            found.append(message)
        received = []
        for message in found:
            if delete:
                self.runtime.store.delete(message.id)
                received.append(Deferred(message, None))
                continue
            lock = self.locks.lock(message, now, locked_session)
            if locked_session is None:
                self.runtime.wake_at(lock.until)
            received.append(Deferred(message, lock))
        return received

    def peek(self, start: int, limit: int, session: str | None = None) -> list[StoredMessage]:
        """Messages from a sequence number on, in every state, in order."""
        after = message_id(self.number, max(start, 1) - 1)
        now = self.runtime.now()
        found = self.runtime.store.peek(after, self.number, session, limit)
        return [each for each in found if each.state != ACTIVE or each.expires is None or each.expires > now]

    # What time brings.

    def run_due(self, now: int) -> int | None:
        """End the locks whose time is over; returns when the next one ends."""
        for lock in self.locks.expired(now):
            self.fail(lock)
        upcoming = [self.locks.next_expiry()]
        if self.sessions is not None:
            upcoming.append(self.sessions.run_due(now))
        if self.dead_letters is not None:
            upcoming.append(self.dead_letters.run_due(now))
        return min((each for each in upcoming if each is not None), default=None)

    def expire(self, message: int) -> None:
        """A message whose time is over goes, unless somebody holds it."""
        found = None if self.locks.holds(message) else self.runtime.store.find(message)
        if found is not None:
            self._expire(found)

    def _expire(self, message: StoredMessage) -> None:
        if self.settings.dead_lettering_on_expiration and self.dead_letters is not None:
            self._move_to_dead_letters(
                message.id,
                message.delivery_count,
                "TTLExpiredException",
                "The message expired and was dead lettered.",
            )
        else:
            self.runtime.store.delete(message.id)


def is_duplicate(runtime: Runtime, number: int, message: Incoming, window: timedelta | None) -> bool:
    """Whether a message with this id came within the window, whatever its session; if not, it is remembered."""
    if window is None or message.message_id is None or not runtime.duplicate_detection:
        return False
    now = runtime.now()
    return runtime.store.seen(number, message.message_id, now, now + int(window.total_seconds() * 1000))


def cancel_scheduled(runtime: Runtime, number: int, sequence_numbers: Iterable[int]) -> None:
    """Remove scheduled messages: all or none. Raises ServiceBusError."""
    doomed = []
    for sequence_number in sequence_numbers:
        message = runtime.store.find(message_id(number, sequence_number))
        if message is None or message.state != SCHEDULED:
            raise message_not_found(sequence_number)
        doomed.append(message.id)
    for each in doomed:
        runtime.store.delete(each)
