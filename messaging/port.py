"""The promise of a message bus. `memory.py` and `servicebus.py` keep it.

BusError
├── BusUnavailable    the bus is away, or its answer was lost: send the same messages again
├── MessageTooLarge   one message is more than the bus carries: it never will be sent
└── BusRefused        the bus says no to this application as such (key, rights, entities): an operator acts
"""

from collections.abc import Mapping, Sequence
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


class Bus(Protocol):
    async def send(self, entity: str, messages: Sequence[Message]) -> None:
        """Returns once the bus has accepted all of `messages`, in this order. Raises BusError.

        After an error any first part of them may have been accepted, or all.
        """
        ...
