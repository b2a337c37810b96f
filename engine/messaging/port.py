"""The promises of a message bus. `memory.py` and `servicebus.py` keep them."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from engine.errors import AdapterError


class MessageTooLarge(AdapterError):
    """One message is more than the bus carries: it never will be sent."""


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
        """Returns once the bus has accepted all of `messages`, in this order. Raises AdapterError.

        After an error any first part of them may have been accepted, or all.
        """
        ...


class DeadLetters(Protocol):
    """What is dead in a queue, or in a subscription (`topic/name`). All methods raise Unavailable and AccessRefused."""

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
