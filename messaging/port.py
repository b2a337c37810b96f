"""The promises of a message bus. `memory.py` and `servicebus.py` keep them.

BusError
├── BusUnavailable    the bus is away, or its answer was lost: send the same messages again
├── MessageTooLarge   one message is more than the bus carries: it never will be sent
└── BusRefused        the bus says no to this application as such (key, rights, entities): an operator acts
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

COMMANDS: Final = "commands"
"""Queue: commands of clients and of processes; the session is the target stream."""

REACTIONS: Final = "reactions"
"""Queue: events that a process reacts to, and its own wake-ups; the session is the process's stream."""

EVENTS: Final = "events"
"""Topic: every event; the session is its stream."""

NOTIFICATIONS: Final = "notifications"
"""Queue: notifications whose receiver was down, scheduled for another attempt. Also the subscription of `events`."""

NOTIFICATIONS_OF_EVENTS: Final = f"{EVENTS}/{NOTIFICATIONS}"
"""That subscription, as an entity whose dead letters are looked at: it takes no messages of its own."""


class BusError(Exception):
    """Root of the tree above."""


class BusUnavailable(BusError):
    """`retry_after` is in seconds. The messages may have been accepted: consumers know them by their ids."""

    def __init__(self, message: str, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class MessageTooLarge(BusError):
    pass


class BusRefused(BusError):
    pass


@dataclass(frozen=True, slots=True)
class Message:
    """`subject` is the type of what it carries; `due` schedules it, UTC."""

    message_id: str
    session_id: str | None
    subject: str
    body: bytes
    correlation_id: str
    properties: Mapping[str, str | int] = field(default_factory=dict)
    due: datetime | None = None


@dataclass(frozen=True, slots=True)
class Received:
    """A message as a consumer gets it. `sequence_number` is the bus's own, rising within a session."""

    message_id: str
    session_id: str | None
    sequence_number: int
    body: bytes
    properties: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that the bus has given up; `message` has the sequence number by which it is found.

    `deliveries` counts how often it was handed out; `reason` and `description` are the bus's, or empty.
    """

    message: Received
    subject: str
    correlation_id: str
    reason: str
    description: str
    deliveries: int
    enqueued_at: datetime


class Bus(Protocol):
    async def send(self, entity: str, messages: Sequence[Message]) -> None:
        """Returns once the bus has accepted all of `messages`, in this order. Raises BusError.

        After an error any first part of them may have been accepted, or all.
        """
        ...


class DeadLetters(Protocol):
    """What is dead in a queue, or in a subscription (`topic/name`). All methods raise BusUnavailable and BusRefused."""

    async def dead_letters(self, entity: str, after: int, limit: int) -> Sequence[DeadLetter]:
        """Looks, and takes nothing: those with sequence numbers above `after`, in order. None: there are no more."""
        ...

    async def drain(self, entity: str, handle: Callable[[DeadLetter], Awaitable[None]], limit: int) -> int:
        """Gives up to `limit` dead letters to `handle`, one by one in order; each is gone once `handle` returns.

        If `handle` raises, its dead letter stays and the error passes. An interruption loses nothing: at worst a
        handled one stays, and comes again. Returns how many are gone; fewer than `limit`: there are no more, or others
        hold them.
        """
        ...
