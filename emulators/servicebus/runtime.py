"""What all entities of a namespace share: the store, the time, the next alarm, and who has something to hand out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from emulators.clock import Clock
from emulators.servicebus.store import Store


class Dispatching(Protocol):
    def dispatch(self) -> None: ...


class Runtime:
    """`on_work` is called when there is something to hand out, `on_alarm` when the earliest alarm moved forward.

    `hurry` divides the durations of locks. Times are milliseconds since the epoch.
    """

    def __init__(self, store: Store, clock: Clock, *, hurry: float = 1.0, duplicate_detection: bool = True) -> None:
        self.store = store
        self.clock = clock
        self.hurry = hurry
        self.duplicate_detection = duplicate_detection
        self.on_work: Callable[[], None] = _nothing
        self.on_alarm: Callable[[], None] = _nothing
        self.alarm: int | None = None
        self._woken: dict[Dispatching, None] = {}
        self._last: dict[int, int] = {}

    def now(self) -> int:
        return int(self.clock.now() * 1000)

    def wake_at(self, when: int) -> None:
        """Something is due then."""
        if self.alarm is None or when < self.alarm:
            self.alarm = when
            self.on_alarm()

    def wake(self, entity: Dispatching) -> None:
        """The entity may have something to hand out; it will be asked once, at the end of the turn."""
        if not self._woken:
            self.on_work()
        self._woken[entity] = None

    def note_last(self, number: int, last: int) -> None:
        """A queue gave a sequence number; the commit keeps it."""
        self._last[number] = last

    def finish_turn(self) -> None:
        """Hand out what can be handed out, and make durable all that was done. Only then may anything be answered."""
        while self._woken:
            woken, self._woken = self._woken, {}
            for entity in woken:
                entity.dispatch()
        for number, last in self._last.items():
            self.store.set_last(number, last)
        self._last.clear()
        self.store.commit()


def _nothing() -> None:
    pass
