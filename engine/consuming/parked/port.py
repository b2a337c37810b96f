"""`ParkedStore` is the port of the store of parked messages; `memory.py` and `cosmos.py` implement it.

A session is parked when one of its messages keeps failing: this message, and every later one of the session, waits in
the store in order. A message without a session, or one that no build can understand, is parked alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from engine.consuming.errors import TransientFailure
from engine.errors import AccessRefused
from engine.messaging.port import Received

MAX_SESSIONS: Final = 10_000
"""At most this many sessions of one consumer may be parked.

For one more, `park` raises TooManyParked: the cause is then not in single messages.
"""


MOST_ALONE: Final = 1_000
"""At most so many messages that are parked alone are read at once."""


class TooManyParked(TransientFailure):
    def __init__(self, consumer: str) -> None:
        super().__init__(f"{consumer} has parked {MAX_SESSIONS} sessions: release them before it goes on")


@dataclass(frozen=True, slots=True)
class Failure:
    """Tells an operator why something was parked.

    `attempts` counts the tries before it was parked, and at each release. `newer` is the vocabulary of the build that
    it waits for; with None, it waits for an operator.
    """

    error: str
    trace: str
    attempts: int
    at: datetime
    newer: int | None = None


@dataclass(frozen=True, slots=True)
class ParkedSession:
    """Holds the failure that parked a session; `waiting` is the number of its messages in the store."""

    session_id: str
    failure: Failure
    waiting: int


@dataclass(frozen=True, slots=True)
class ParkedAlone:
    """Holds a message that is parked alone; `key` identifies it within its consumer."""

    key: str
    message: Received
    failure: Failure


class ParkedStore(Protocol):
    """Keeps parked messages, partitioned by consumer. All methods raise Unavailable and AccessRefused.

    They answer as the primary replica does, except where they say that they may lag.
    """

    async def sessions(self, consumer: str) -> frozenset[str]:
        """Returns the ids of the parked sessions, with one read."""
        ...

    async def add(self, consumer: str, message: Received) -> bool:
        """Adds a message behind its parked session; returns False if the session is not parked, or no longer.

        A message that waits there already is not added again. Raises AccessRefused (`number_taken`) if another message
        has the same sequence number.
        """
        ...

    async def park(self, consumer: str, message: Received, failure: Failure) -> None:
        """Parks the session of the message, beginning with this message.

        If the session is parked already, the message is added to it. Raises TooManyParked, and AccessRefused
        (`number_taken`).
        """
        ...

    async def park_alone(self, consumer: str, message: Received, failure: Failure) -> None:
        """Parks one message; no other message waits for it. Parking it again replaces its failure."""
        ...

    async def session(self, consumer: str, session_id: str) -> ParkedSession | None: ...

    async def known(self, consumer: str, vocabulary: int, limit: int) -> Sequence[str]:
        """Returns the ids of at most `limit` sessions that wait for a build of this vocabulary, or of a lower one.

        It may lag for a moment.
        """
        ...

    async def waiting(self, consumer: str, session_id: str, limit: int) -> Sequence[Received]:
        """Returns the first `limit` messages of a parked session, in order.

        It may lag for a moment: the newest messages may be missing, and removed ones still there.
        """
        ...

    async def failed_again(self, consumer: str, session_id: str, failure: Failure) -> None:
        """Replaces the failure of a parked session after a release has stopped."""
        ...

    async def remove(self, consumer: str, message: Received) -> None:
        """Removes a message that was handled. Removing it again is safe."""
        ...

    async def free(self, consumer: str, session_id: str) -> bool:
        """Ends the parking of a session; returns False if a message waits in it. Freeing it again is safe."""
        ...

    async def alone(self, consumer: str, limit: int = MOST_ALONE) -> Sequence[ParkedAlone]:
        """Returns the first `limit` messages that are parked alone. It may lag for a moment."""
        ...

    async def count_alone(self, consumer: str) -> int:
        """Returns how many messages are parked alone. It may lag for a moment."""
        ...

    async def remove_alone(self, consumer: str, key: str) -> bool:
        """Removes a message that was parked alone; returns False if it is gone already."""
        ...


def number_taken(consumer: str, message: Received) -> AccessRefused:
    """Returns the error for a second message with the sequence number of a parked one, which is kept.

    The cause is a bus that has lost its messages and counts from one again.
    """
    return AccessRefused(
        f"{consumer} has parked another message under number {message.sequence_number} of session "
        f"{message.session_id}: the bus has been made anew; release that session first"
    )
