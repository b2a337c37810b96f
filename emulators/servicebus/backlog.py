"""The messages that wait in one line, in order, read from the store as they are taken: memory holds none of them."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush

from emulators.servicebus.store import ACTIVE, StoredMessage


class Backlog:
    """`fetch(after, limit)` reads what lies behind an id, `find(id)` one message; `last` is the highest id there.

    Behind the cursor lies what nobody took yet; before it, only what came back waits.
    """

    def __init__(
        self,
        fetch: Callable[[int, int], list[StoredMessage]],
        find: Callable[[int], StoredMessage | None],
        cursor: int,
        last: int,
    ) -> None:
        self._fetch = fetch
        self._find = find
        self._cursor = cursor
        self._last = last
        self._returned: list[int] = []

    def add(self, message: int) -> None:
        """A message waits now: a new one, or one that came back and takes its old place."""
        if message <= self._cursor:
            heappush(self._returned, message)
        elif message > self._last:
            self._last = message

    def take(self, limit: int) -> list[StoredMessage]:
        """The first ones. They wait no more, until they are added again."""
        taken: list[StoredMessage] = []
        while self._returned and len(taken) < limit:
            message = self._find(heappop(self._returned))
            if message is not None and message.state == ACTIVE:
                taken.append(message)
        wanted = limit - len(taken)
        if wanted and self._cursor < self._last:
            found = self._fetch(self._cursor, wanted)
            self._cursor = found[-1].id if len(found) == wanted else self._last
            taken += found
        return taken
