"""The promise of a store of parked messages. `memory.py` and `cosmos.py` keep it.

A session whose message failed for good is parked: the message, and every later one of the session, waits in the store
in its order. A message that belongs to no stream is parked alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from engine.consuming.errors import TransientFailure
from engine.errors import AccessRefused
from engine.messaging.port import Received

MAX_SESSIONS: Final = 10_000
"""How many sessions of one consumer may be parked: beyond, something else is wrong, and it raises."""


class TooManyParked(TransientFailure):
    def __init__(self, consumer: str) -> None:
        super().__init__(f"{consumer} has parked {MAX_SESSIONS} sessions: release them before it goes on")


@dataclass(frozen=True, slots=True)
class Failure:
    """Why something was parked: for a person. `attempts` counts the tries before it was parked, and at each release."""

    error: str
    trace: str
    attempts: int
    at: datetime


@dataclass(frozen=True, slots=True)
class ParkedSession:
    """`waiting` is the number of its messages in the store."""

    session_id: str
    failure: Failure
    waiting: int


@dataclass(frozen=True, slots=True)
class ParkedAlone:
    """`key` names it among those of its consumer."""

    key: str
    message: Received
    failure: Failure


class ParkedStore(Protocol):
    """Partitioned by consumer. All methods raise Unavailable and AccessRefused, and speak for the primary replica."""

    async def sessions(self, consumer: str) -> frozenset[str]:
        """The parked sessions, in one read."""
        ...

    async def add(self, consumer: str, message: Received) -> bool:
        """Lets a message wait behind its parked session; False if the session is not parked (any more).

        A message that waits there already is not added again. Raises `number_taken` for another of the same number.
        """
        ...

    async def park(self, consumer: str, message: Received, failure: Failure) -> None:
        """Parks the message's session, beginning with this message. Raises TooManyParked and `number_taken`."""
        ...

    async def park_alone(self, consumer: str, message: Received, failure: Failure) -> None:
        """Parks one message that holds nobody. Parking it again is fine."""
        ...

    async def session(self, consumer: str, session_id: str) -> ParkedSession | None: ...

    async def waiting(self, consumer: str, session_id: str, limit: int) -> Sequence[Received]:
        """The first messages of a parked session, in order.

        May lag behind for a moment: miss the newest, and show what was removed.
        """
        ...

    async def failed_again(self, consumer: str, session_id: str, failure: Failure) -> None:
        """Keeps why a release did not get on."""
        ...

    async def remove(self, consumer: str, message: Received) -> None:
        """The message was handled. Removing it again is fine."""
        ...

    async def free(self, consumer: str, session_id: str) -> bool:
        """Ends the parking of a session without messages; False if one waits (again). Freeing it again is fine."""
        ...

    async def alone(self, consumer: str) -> Sequence[ParkedAlone]:
        """The first thousand of those that are parked alone. May lag behind for a moment."""
        ...

    async def remove_alone(self, consumer: str, key: str) -> None:
        """It was handled. Removing it again is fine."""
        ...


def number_taken(consumer: str, message: Received) -> AccessRefused:
    """A bus that lost its messages counts from one again: nothing that is parked gives way."""
    return AccessRefused(
        f"{consumer} has parked another message under number {message.sequence_number} of session "
        f"{message.session_id}: the bus has been made anew; release that session first"
    )
