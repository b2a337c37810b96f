"""The locks of a queue: given, found by their token, ended."""

from __future__ import annotations

import os
from collections import OrderedDict

from emulators.servicebus.holding import Lock, LockedSession
from emulators.servicebus.store import StoredMessage


class Locks:
    """The locks of one queue, by token. Those without a session are in the order in which they end."""

    def __init__(self, duration: int) -> None:
        self.duration = duration
        self._timed: OrderedDict[bytes, Lock] = OrderedDict()
        self._in_sessions: dict[bytes, Lock] = {}
        self._messages: set[int] = set()

    def lock(self, message: StoredMessage, now: int, session: LockedSession | None) -> Lock:
        token = os.urandom(16)
        lock = Lock(
            token,
            message.id,
            message.state,
            message.delivery_count,
            now + self.duration if session is None else session.until,
            session,
        )
        if session is None:
            self._timed[token] = lock
        else:
            self._in_sessions[token] = lock
            session.locks[token] = lock
        self._messages.add(message.id)
        return lock

    def find(self, token: bytes) -> Lock | None:
        return self._timed.get(token) or self._in_sessions.get(token)

    def holds(self, message: int) -> bool:
        return message in self._messages

    def remove(self, lock: Lock) -> None:
        if lock.session is None:
            del self._timed[lock.token]
        else:
            del self._in_sessions[lock.token]
            del lock.session.locks[lock.token]
        self._messages.discard(lock.message)

    def renew(self, lock: Lock, now: int) -> None:
        lock.until = now + self.duration
        if lock.session is None:
            self._timed.move_to_end(lock.token)

    def expired(self, now: int) -> list[Lock]:
        """Those without a session whose time is over; they stay until they are removed."""
        found = []
        for lock in self._timed.values():
            if lock.until > now:
                break
            found.append(lock)
        return found

    def next_expiry(self) -> int | None:
        return next(iter(self._timed.values())).until if self._timed else None
