"""The store of parked messages in memory has full semantics, for tests."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from engine.consuming.parked.port import (
    MAX_SESSIONS,
    MOST_ALONE,
    Failure,
    ParkedAlone,
    ParkedSession,
    TooManyParked,
    number_taken,
)
from engine.messaging.port import Received


@dataclass(slots=True)
class _Session:
    failure: Failure
    messages: dict[int, Received] = field(default_factory=dict)

    def add(self, consumer: str, message: Received) -> None:
        there = self.messages.setdefault(message.sequence_number, message)
        if there.message_id != message.message_id:
            raise number_taken(consumer, message)


class MemoryParkedStore:
    """Implements `ParkedStore`; `reads` counts the calls of `sessions`."""

    def __init__(self) -> None:
        self._sessions: defaultdict[str, dict[str, _Session]] = defaultdict(dict)
        self._alone: defaultdict[str, dict[str, ParkedAlone]] = defaultdict(dict)
        self.reads = 0

    async def sessions(self, consumer: str) -> frozenset[str]:
        self.reads += 1
        return frozenset(self._sessions[consumer])

    async def add(self, consumer: str, message: Received) -> bool:
        session = self._sessions[consumer].get(message.session_id or "")
        if session is None:
            return False
        session.add(consumer, message)
        return True

    async def park(self, consumer: str, message: Received, failure: Failure) -> None:
        assert message.session_id is not None
        sessions = self._sessions[consumer]
        if message.session_id not in sessions and len(sessions) >= MAX_SESSIONS:
            raise TooManyParked(consumer)
        sessions.setdefault(message.session_id, _Session(failure)).add(consumer, message)

    async def park_alone(self, consumer: str, message: Received, failure: Failure) -> None:
        key = f"{message.sequence_number}-{message.message_id}"
        self._alone[consumer][key] = ParkedAlone(key, message, failure)

    async def session(self, consumer: str, session_id: str) -> ParkedSession | None:
        session = self._sessions[consumer].get(session_id)
        return None if session is None else ParkedSession(session_id, session.failure, len(session.messages))

    async def known(self, consumer: str, vocabulary: int, limit: int) -> Sequence[str]:
        parked = self._sessions[consumer].items()
        return [each for each, its in parked if its.failure.newer is not None and its.failure.newer <= vocabulary][
            :limit
        ]

    async def waiting(self, consumer: str, session_id: str, limit: int) -> Sequence[Received]:
        session = self._sessions[consumer].get(session_id)
        return [] if session is None else [session.messages[n] for n in sorted(session.messages)[:limit]]

    async def failed_again(self, consumer: str, session_id: str, failure: Failure) -> None:
        if session := self._sessions[consumer].get(session_id):
            session.failure = failure

    async def remove(self, consumer: str, message: Received) -> None:
        if session := self._sessions[consumer].get(message.session_id or ""):
            session.messages.pop(message.sequence_number, None)

    async def free(self, consumer: str, session_id: str) -> bool:
        session = self._sessions[consumer].get(session_id)
        if session is not None and session.messages:
            return False
        self._sessions[consumer].pop(session_id, None)
        return True

    async def alone(self, consumer: str, limit: int = MOST_ALONE) -> Sequence[ParkedAlone]:
        return list(self._alone[consumer].values())[:limit]

    async def count_alone(self, consumer: str) -> int:
        return len(self._alone[consumer])

    async def remove_alone(self, consumer: str, key: str) -> bool:
        return self._alone[consumer].pop(key, None) is not None
