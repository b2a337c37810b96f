"""`Bus` and `DeadLetters` are the ports of the message bus; `memory.py` and `servicebus.py` implement them."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from engine.errors import AdapterError


class MessageTooLarge(AdapterError):
    """Is raised when the first message, or its id or session, is larger than the bus carries.

    Sending it again fails again.
    """


@dataclass(frozen=True, slots=True)
class Message:
    """A message carries an event or a command to an entity; `subject` is its type.

    `due` is the time in UTC at which the bus delivers it, None for at once.
    """

    message_id: str
    session_id: str | None
    subject: str
    body: bytes
    correlation_id: str
    properties: Mapping[str, str | int] = field(default_factory=dict)
    due: datetime | None = None


@dataclass(frozen=True, slots=True)
class Received:
    """A received message is what a consumer gets. The bus sets `sequence_number`, which rises within a session.

    `deliveries` counts how often the bus has delivered it, this time included.
    """

    message_id: str
    session_id: str | None
    sequence_number: int
    body: bytes
    properties: Mapping[str, str | int] = field(default_factory=dict)
    deliveries: int = field(default=1, compare=False)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A dead letter is a message that the bus has given up; `message` has the sequence number by which it is found.

    `deliveries` counts how often it was delivered. `reason` and `description` come from the bus and may be empty.
    """

    message: Received
    subject: str
    correlation_id: str
    reason: str
    description: str
    deliveries: int
    enqueued_at: datetime


class Bus(Protocol):
    def in_use(self) -> bool:
        """Tells whether this process is connected, or was."""
        ...

    async def send(self, entity: str, messages: Sequence[Message]) -> Sequence[Message]:
        """Sends as many of `messages` as the bus takes at once, and returns those, which the bus has accepted.

        The first is among them, and so are all that precede one of them in its session. `send_all` sends all of
        several; of none, it connects. Raises Throttled and other AdapterErrors; the bus may have accepted some of them
        then.
        """
        ...


async def send_all(bus: Bus, entity: str, messages: Sequence[Message]) -> None:
    """Sends all of `messages`, those of a session in this order.

    Raises AdapterError; the bus may have accepted some of them then.
    """
    while messages:
        accepted = {message.message_id for message in await bus.send(entity, messages)}
        messages = [message for message in messages if message.message_id not in accepted]


class DeadLetters(Protocol):
    """Reads and removes the dead letters of a queue or of a subscription (`topic/name`).

    All methods raise Unavailable and AccessRefused.
    """

    async def dead_letters(self, entity: str, after: int, limit: int) -> Sequence[DeadLetter]:
        """Returns up to `limit` dead letters with sequence numbers above `after`, in order, and removes none.

        An empty result means that there are no more.
        """
        ...

    async def drain(self, entity: str, handle: Callable[[DeadLetter], Awaitable[None]], limit: int) -> int:
        """Passes up to `limit` dead letters to `handle`, one by one in order, and removes each once `handle` returns.

        If `handle` raises, its dead letter stays and the error is raised. An interruption loses nothing: at worst, a
        dead letter that was handled stays and is passed again. Returns the number of those removed; fewer than `limit`
        means that there are no more, or that other receivers hold them.
        """
        ...
