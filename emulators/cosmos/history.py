"""What the last commits replaced, so that reads can be answered as a lagging replica would."""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass

from emulators.cosmos.errors import read_session_not_available
from emulators.cosmos.items import ItemKey, StoredItem

Before = dict[ItemKey, StoredItem | None]


@dataclass(frozen=True)
class _Commit:
    lsn: int
    before: Before


class History:
    """The undo of a container's last `lag` commits, in memory only: after a start there is nothing to lag behind."""

    def __init__(self, lag: int, source: random.Random) -> None:
        self._lag = lag
        self._source = source
        self._commits: deque[_Commit] = deque(maxlen=lag)

    def record(self, lsn: int, before: Before) -> None:
        if self._lag:
            self._commits.append(_Commit(lsn, before))

    def forget(self) -> None:
        """Replicas do not lag behind what was put back."""
        self._commits.clear()

    def snapshot(self, current_lsn: int, session_lsn: int | None) -> int:
        """The LSN that answers a read: any that the session has not passed and the replicas have not lost.

        Raises 404/1002 for a session ahead of the data, as after a restore.
        """
        if session_lsn is not None and session_lsn > current_lsn:
            raise read_session_not_available()
        if not self._commits:
            return current_lsn
        oldest = max(self._commits[0].lsn - 1, current_lsn - self._lag, session_lsn or 0)
        return self._source.randint(oldest, current_lsn)

    def before(self, lsn: int) -> Before:
        """What must be put in place of today's items to see the container as of `lsn`."""
        overlay: Before = {}
        for commit in self._commits:
            if commit.lsn > lsn:
                for key, item in commit.before.items():
                    overlay.setdefault(key, item)
        return overlay
