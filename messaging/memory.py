"""The bus in memory, for tests: it keeps what was sent, by entity and in order."""

from collections import defaultdict
from collections.abc import Sequence

from messaging.port import Message, Received


class MemoryBus:
    """Promises of `Bus`. `deliver` gives what waits in an entity, as its consumers would get it."""

    def __init__(self) -> None:
        self.sent: defaultdict[str, list[Message]] = defaultdict(list)
        self._taken: defaultdict[str, int] = defaultdict(int)

    async def send(self, entity: str, messages: Sequence[Message]) -> None:
        self.sent[entity] += messages

    def deliver(self, entity: str) -> list[Received]:
        """What was sent since the last call, due or not, numbered in order."""
        first, messages = self._taken[entity], self.sent[entity]
        self._taken[entity] = len(messages)
        return [
            Received(message.message_id, message.session_id, number, message.body, message.properties)
            for number, message in enumerate(messages[first:], start=first + 1)
        ]
