"""Sessions of a queue: one receiver at a time holds one, and gets its messages in order.

Rules: the documentation of Service Bus on message sessions.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from typing import Protocol

from emulators.servicebus.backlog import Backlog
from emulators.servicebus.errors import (
    no_session_available,
    session_cannot_be_locked,
    session_lock_lost,
)
from emulators.servicebus.holding import Lock, LockedSession, Receiver, SessionReceiver
from emulators.servicebus.locks import Locks
from emulators.servicebus.runtime import Runtime


class SessionQueue(Protocol):
    """What a queue does for its sessions."""

    @property
    def runtime(self) -> Runtime: ...

    @property
    def number(self) -> int: ...

    @property
    def locks(self) -> Locks: ...

    def backlog(self, session: str | None = None) -> Backlog: ...

    def dispatch(self) -> None: ...

    def hand_out(self, backlog: Backlog, receiver: Receiver, session: LockedSession | None) -> bool: ...

    def give_back(self, lock: Lock) -> None: ...

    def fail(self, lock: Lock) -> None: ...


@dataclass(slots=True, eq=False)
class _Waiter:
    holder: SessionReceiver
    deadline: int
    seconds: float


class Sessions:
    def __init__(self, queue: SessionQueue) -> None:
        self._queue = queue
        self._runtime = queue.runtime
        self._locked: OrderedDict[str, LockedSession] = OrderedDict()
        # Of sessions that nobody holds: the first message that waits, or an earlier one that is gone by now.
        self._heads: dict[str, int] = dict(queue.runtime.store.first_of_sessions(queue.number))
        self._by_head: list[tuple[int, str]] = [(head, session) for session, head in self._heads.items()]
        heapify(self._by_head)
        self._waiting: deque[_Waiter] = deque()
        self._ready: dict[LockedSession, None] = {}

    def locked(self, session: str) -> LockedSession | None:
        found = self._locked.get(session)
        return None if found is None or found.until <= self._runtime.now() else found

    # Accepting.

    def accept(self, session: str, holder: SessionReceiver) -> LockedSession:
        """Lock a session by name, also one without messages. Raises ServiceBusError when it is held."""
        if session in self._locked:
            raise session_cannot_be_locked(session)
        self._heads.pop(session, None)
        now = self._runtime.now()
        locked = LockedSession(session, holder, self._queue.backlog(session), now + self._queue.locks.duration)
        self._locked[session] = locked
        self._runtime.wake_at(locked.until)
        return locked

    def wait_for_next(self, holder: SessionReceiver, seconds: float) -> None:
        """Hand over the session whose first message is the oldest, now or within the time; refuse after it."""
        deadline = self._runtime.now() + int(seconds * 1000)
        self._waiting.append(_Waiter(holder, deadline, seconds))
        self._runtime.wake_at(deadline)
        self._runtime.wake(self._queue)

    def stop_waiting(self, holder: SessionReceiver) -> None:
        self._waiting = deque(waiter for waiter in self._waiting if waiter.holder is not holder)

    def _next(self) -> str | None:
        while self._by_head:
            head, session = self._by_head[0]
            if self._heads.get(session) != head:
                heappop(self._by_head)  # held meanwhile, or with another first message
                continue
            first = self._first(session)
            if first == head:
                return session
            heappop(self._by_head)
            self._set_head(session, first)
        return None

    # Holding.

    def renew(self, session: str) -> int:
        """Returns the time at which the lock ends now. Raises ServiceBusError when it ended."""
        locked = self.locked(session)
        if locked is None:
            raise session_lock_lost(session)
        locked.until = self._runtime.now() + self._queue.locks.duration
        for lock in locked.locks.values():
            lock.until = locked.until
        self._locked.move_to_end(session)
        return locked.until

    def wants(self, session: LockedSession) -> None:
        """Its receiver may take more."""
        self._ready[session] = None
        self._runtime.wake(self._queue)

    def unlock(self, session: LockedSession) -> None:
        """Its receiver is gone: what it did not settle waits again, with the count it had."""
        if self._locked.get(session.id) is session:
            self._end(session, failed=False)

    def _end(self, session: LockedSession, *, failed: bool) -> None:
        for lock in list(session.locks.values()):
            if failed:
                self._queue.fail(lock)
            else:
                self._queue.give_back(lock)
        del self._locked[session.id]
        self._ready.pop(session, None)
        self._set_head(session.id, self._first(session.id))
        self._runtime.wake(self._queue)

    # Messages.

    def add(self, message: int, session: str) -> None:
        """A message waits: a new one, or one that came back."""
        locked = self._locked.get(session)
        if locked is not None:
            locked.backlog.add(message)
            self._ready[locked] = None
        elif message < self._heads.get(session, message + 1):
            self._set_head(session, message)

    def dispatch(self) -> None:
        while self._waiting and (session := self._next()) is not None:
            waiter = self._waiting.popleft()
            waiter.holder.session_accepted(self.accept(session, waiter.holder))
        while self._ready:
            ready, self._ready = self._ready, {}
            for locked in ready:
                receiver = locked.holder.receiver
                while receiver.capacity() > 0 and self._queue.hand_out(locked.backlog, receiver, locked):
                    pass

    def _first(self, session: str) -> int | None:
        return self._runtime.store.first_in_session(self._queue.number, session)

    def _set_head(self, session: str, head: int | None) -> None:
        if head is None:
            self._heads.pop(session, None)
        else:
            self._heads[session] = head
            heappush(self._by_head, (head, session))

    # What time brings.

    def run_due(self, now: int) -> int | None:
        """End locks and refuse those who waited long enough; returns when the next is due."""
        while self._locked and (session := next(iter(self._locked.values()))).until <= now:
            self._end(session, failed=True)
            session.holder.session_lock_lost(session_lock_lost(session.id))
        late = [waiter for waiter in self._waiting if waiter.deadline <= now]
        if late:
            self._waiting = deque(waiter for waiter in self._waiting if waiter.deadline > now)
            for waiter in late:
                waiter.holder.session_refused(no_session_available(waiter.seconds))
        upcoming = [waiter.deadline for waiter in self._waiting]
        if self._locked:
            upcoming.append(next(iter(self._locked.values())).until)
        return min(upcoming, default=None)
