"""The bus in memory keeps what was sent, by entity and in order, for tests."""

import itertools
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Final

from engine.errors import AccessRefused
from engine.messaging.port import DeadLetter, Message, MessageTooLarge, Received

MAX_BYTES: Final = 256 * 1024


class MemoryBus:
    """Implements `Bus` and `DeadLetters`.

    `deliver` returns the messages that wait in an entity, as its consumers would get them. `entities` names the
    entities that exist; with None, all do.
    """

    def __init__(self, entities: frozenset[str] | None = None) -> None:
        self._entities = entities
        self._dead: defaultdict[str, dict[int, DeadLetter]] = defaultdict(dict)
        self.sent: defaultdict[str, list[Message]] = defaultdict(list)
        self._taken: defaultdict[str, int] = defaultdict(int)

    def in_use(self) -> bool:
        return True

    async def send(self, entity: str, messages: Sequence[Message]) -> Sequence[Message]:
        self._check(entity)
        accepted = [*itertools.takewhile(lambda message: len(message.body) <= MAX_BYTES, messages)]
        if messages and not accepted:
            raise MessageTooLarge(f"a message for {entity} is larger than the bus carries")
        self.sent[entity] += accepted
        return accepted

    def deliver(self, entity: str) -> list[Received]:
        """Returns what was sent since the last call, due or not, numbered in order."""
        first, messages = self._taken[entity], self.sent[entity]
        self._taken[entity] = len(messages)
        return [
            Received(message.message_id, message.session_id, number, message.body, message.properties)
            for number, message in enumerate(messages[first:], start=first + 1)
        ]

    def bury(self, entity: str, received: Received, reason: str, description: str) -> None:
        """Makes a dead letter of a message that was delivered from a queue."""
        message = self.sent[entity][received.sequence_number - 1]
        self._dead[entity][received.sequence_number] = DeadLetter(
            received, message.subject, message.correlation_id, reason, description, 1, datetime.now(UTC)
        )

    async def dead_letters(self, entity: str, after: int, limit: int) -> Sequence[DeadLetter]:
        self._check(entity)
        dead = self._dead[entity]
        return [dead[number] for number in sorted(dead) if number > after][:limit]

    async def drain(self, entity: str, handle: Callable[[DeadLetter], Awaitable[None]], limit: int) -> int:
        found = await self.dead_letters(entity, 0, limit)
        for each in found:
            await handle(each)
            del self._dead[entity][each.message.sequence_number]
        return len(found)

    def _check(self, entity: str) -> None:
        if self._entities is not None and entity not in self._entities:
            raise AccessRefused(f"the bus has no {entity}")
