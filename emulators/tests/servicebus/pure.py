"""A namespace without a server: a store in memory, a clock that stands still, and receivers that only remember."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from emulators.amqp.message import Message
from emulators.amqp.performatives import Header, Properties
from emulators.amqp.values import Symbol, Timestamp
from emulators.clock import Clock
from emulators.servicebus.config import NamespaceSettings, parse_config
from emulators.servicebus.errors import ServiceBusError
from emulators.servicebus.holding import Lock, LockedSession
from emulators.servicebus.messages import Incoming, read_message, write_message
from emulators.servicebus.namespace import Namespace
from emulators.servicebus.queue import Queue
from emulators.servicebus.runtime import Runtime
from emulators.servicebus.sessions import Sessions
from emulators.servicebus.store import Store, StoredMessage
from emulators.servicebus.topic import Topic

CONFIG = """
{"UserConfig": {"Namespaces": [{"Name": "sbemulatorns",
  "Queues": [
    {"Name": "plain", "Properties": {"LockDuration": "PT30S", "MaxDeliveryCount": 3}},
    {"Name": "orders", "Properties": {"LockDuration": "PT30S", "MaxDeliveryCount": 3, "RequiresSession": true}},
    {"Name": "once", "Properties": {"RequiresDuplicateDetection": true, "DuplicateDetectionHistoryTimeWindow": "PT5M"}},
    {"Name": "short", "Properties": {"DefaultMessageTimeToLive": "PT1M"}},
    {"Name": "kept", "Properties": {"DefaultMessageTimeToLive": "PT1M", "DeadLetteringOnMessageExpiration": true}}],
  "Topics": [{"Name": "events", "Properties": {"RequiresDuplicateDetection": true}, "Subscriptions": [
    {"Name": "all"},
    {"Name": "sessions", "Properties": {"RequiresSession": true}, "Rules": [
      {"Name": "s", "Properties": {"FilterType": "Sql", "SqlFilter": {"SqlExpression": "sys.SessionId IS NOT NULL"}}}]},
    {"Name": "some", "Rules": [
      {"Name": "one", "Properties": {"FilterType": "Correlation", "CorrelationFilter": {"Label": "a"}}},
      {"Name": "two", "Properties": {"FilterType": "Correlation", "CorrelationFilter": {"Properties": {"kind": "b"}}}},
      {"Name": "three", "Properties": {"FilterType": "Sql", "SqlFilter": {"SqlExpression": "size > 10"}}}]}]}]}]}}
"""
SETTINGS = parse_config(CONFIG)
NOW = 1_000_000_000.0


@dataclass
class FakeReceiver:
    """Takes `room` more messages; remembers what it got, and by text which token it came with."""

    room: int = 100
    deletes: bool = False
    got: list[tuple[StoredMessage, Lock | None]] = field(default_factory=list)

    def capacity(self) -> int:
        return self.room

    def deliver(self, message: StoredMessage, lock: Lock | None) -> None:
        self.room -= 1
        self.got.append((message, lock))

    @property
    def texts(self) -> list[str]:
        return [text(message) for message, _ in self.got]

    def token(self, wanted: str) -> bytes:
        """Of the last delivery of a message."""
        return next(lock.token for message, lock in reversed(self.got) if text(message) == wanted and lock is not None)


@dataclass
class FakeHolder:
    """Who wants a session."""

    receiver: FakeReceiver = field(default_factory=FakeReceiver)
    session: LockedSession | None = None
    refused: ServiceBusError | None = None
    lost: ServiceBusError | None = None

    def accepted(self) -> str | None:
        """The session that it got."""
        return None if self.session is None else self.session.id

    def session_accepted(self, session: LockedSession) -> None:
        self.session = session

    def session_refused(self, error: ServiceBusError) -> None:
        self.refused = error

    def session_lock_lost(self, error: ServiceBusError) -> None:
        self.lost = error


class Broker:
    """A namespace and its clock."""

    def __init__(
        self,
        settings: NamespaceSettings = SETTINGS,
        *,
        data: Path | None = None,
        hurry: float = 1.0,
        duplicate_detection: bool = True,
    ) -> None:
        self.clock = Clock(lambda: NOW)
        self.store = Store(data)
        self.runtime = Runtime(self.store, self.clock, hurry=hurry, duplicate_detection=duplicate_detection)
        self.namespace = Namespace(settings, self.runtime)

    def queue(self, name: str) -> Queue:
        return self.namespace.source(name)

    def dead_letters(self, name: str) -> list[StoredMessage]:
        return self.queue(f"{name}/$DeadLetterQueue").peek(0, 100)

    def topic(self, name: str) -> Topic:
        return self.namespace.topics[name]

    def sessions(self, name: str) -> Sessions:
        sessions = self.queue(name).sessions
        assert sessions is not None
        return sessions

    def send(self, name: str, *texts: str, **fields: Any) -> list[int]:
        entity = self.namespace.destination(name)
        return [entity.send(message(each, **fields)) for each in texts]

    def turn(self) -> None:
        self.runtime.finish_turn()

    def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.namespace.run_due()
        self.turn()

    def receive(self, name: str, room: int = 100, *, deletes: bool = False) -> FakeReceiver:
        """A receiver that stays attached."""
        receiver = FakeReceiver(room, deletes)
        self.queue(name).attach(receiver)
        self.turn()
        return receiver

    def accept(self, name: str, session: str, room: int = 100) -> FakeHolder:
        holder = FakeHolder(FakeReceiver(room))
        holder.session = self.sessions(name).accept(session, holder)
        self.sessions(name).wants(holder.session)
        self.turn()
        return holder

    def accept_next(self, name: str, seconds: float = 60) -> FakeHolder:
        holder = FakeHolder()
        self.sessions(name).wait_for_next(holder, seconds)
        self.turn()
        return holder

    def close(self) -> None:
        self.store.close()


def message(
    content: str = "",
    *,
    session: str | None = None,
    message_id: Any = None,
    label: str | None = None,
    ttl: int | None = None,
    scheduled: float | None = None,
    **application: Any,
) -> Incoming:
    """As a sender's bytes: `ttl` in milliseconds, `scheduled` in seconds from the start of the clock."""
    annotations = {}
    if scheduled is not None:
        annotations[Symbol("x-opt-scheduled-enqueue-time")] = Timestamp((NOW + scheduled) * 1000)
    sent = Message(
        header=None if ttl is None else Header(ttl=ttl),
        annotations=annotations,
        properties=Properties(message_id=message_id, group_id=session, subject=label),
        application_properties=application,
        data=content.encode(),
    )
    return read_message(sent.encode())


def delivered(stored: StoredMessage, lock: Lock | None = None) -> Message:
    """What a receiver decodes."""
    return Message.decode(write_message(stored, None if lock is None else lock.until))


def text(stored: StoredMessage) -> str:
    data = delivered(stored).data
    assert data is not None
    return data.decode()
