"""Who holds what: the lock on a message, the session that is held, and who takes messages.

A lock knows its session, a session its locks and its receiver, and a receiver gets messages with their locks. So all of
them stand here, below the rules that make and end them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from emulators.servicebus.backlog import Backlog
from emulators.servicebus.errors import ServiceBusError
from emulators.servicebus.store import StoredMessage


class Receiver(Protocol):
    """Who takes messages. `deletes`: they are gone when they are handed over, nothing is locked."""

    @property
    def deletes(self) -> bool: ...

    def capacity(self) -> int:
        """How many messages it takes now."""
        ...

    def deliver(self, message: StoredMessage, lock: Lock | None) -> None: ...


class SessionReceiver(Protocol):
    """Who holds, or waits for, a session."""

    @property
    def receiver(self) -> Receiver: ...

    def session_accepted(self, session: LockedSession) -> None: ...

    def session_refused(self, error: ServiceBusError) -> None: ...

    def session_lock_lost(self, error: ServiceBusError) -> None: ...


@dataclass(slots=True, eq=False)
class Lock:
    """One delivery. `token` is a GUID in the byte order of .NET, as delivery tags carry it.

    A message of a session is held by the lock of the `session`, whose time is the one that counts.
    """

    token: bytes
    message: int
    state: int
    delivery_count: int
    until: int
    session: LockedSession | None = None


@dataclass(slots=True, eq=False)
class LockedSession:
    """A session that is held: until when, by whom, and which of its messages were handed out."""

    id: str
    holder: SessionReceiver
    backlog: Backlog
    until: int
    locks: dict[bytes, Lock] = field(default_factory=dict)
