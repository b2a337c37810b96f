"""The timer trigger: due times, their record in the data folder, and one host at a time."""

import asyncio
import fcntl
import json
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from azure.functions.meta import Datum

from emulators.functions.bindings import Binding, BindingError, flag, text
from emulators.functions.console import Console
from emulators.functions.engine import Call
from emulators.functions.indexing import Function
from emulators.functions.invocation import Invoker
from emulators.functions.retrying import invoke_with_retries
from emulators.functions.schedules import Schedule, ScheduleError, is_frequent, parse_schedule

# How often a host looks whether the timers of another one are free.
_TAKE_OVER_S = 2.0
_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class TimerStatus:
    """What is kept of a timer: its last run, its next one, and when that was worked out."""

    last: datetime
    next: datetime
    last_updated: datetime

    def as_json(self) -> dict[str, str]:
        return {
            "Last": self.last.isoformat(),
            "Next": self.next.isoformat(),
            "LastUpdated": self.last_updated.isoformat(),
        }


@dataclass(frozen=True)
class TimerOptions:
    """A `timerTrigger` binding."""

    schedule: Schedule
    run_on_startup: bool
    monitored: bool

    @staticmethod
    def from_binding(binding: Binding, now: datetime) -> "TimerOptions":
        """Raises BindingError for a schedule that cannot be read."""
        try:
            schedule = parse_schedule(text(binding, "schedule"))
        except ScheduleError as error:
            raise BindingError(f"timerTrigger '{binding.name}': {error}") from error
        monitored = flag(binding, "useMonitor") if "useMonitor" in binding.fields else True
        return TimerOptions(schedule, flag(binding, "runOnStartup"), monitored and not is_frequent(schedule, now))


class TimerListener:
    """Runs one function on its schedule, on the one host that holds the timer's lock.

    The lock is of the operating system, on a file in the data folder: it is free the moment its holder dies.
    """

    def __init__(
        self,
        function: Function,
        options: TimerOptions,
        invoker: Invoker,
        console: Console,
        *,
        data_dir: Path,
        hurry: float,
    ) -> None:
        self._function = function
        self._options = options
        self._invoker = invoker
        self._console = console
        self._hurry = hurry
        folder = data_dir / "timers"
        self._lock_path = folder / f"{function.name}.lock"
        self._status_path = folder / f"{function.name}.json"
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to wait for the lock, and then for the times."""
        self._lock_path.parent.mkdir(exist_ok=True)
        self._task = asyncio.create_task(self._run())
        self._task.add_done_callback(self._console.crash_of)

    async def stop(self) -> None:
        """Let a running invocation end, record it, and free the lock."""
        self._stopping.set()
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        with self._lock_path.open("a") as lock:
            if not _try_lock(lock.fileno()):
                self._console.line(f"{self._function.name} waits: another host runs this timer")
                while not _try_lock(lock.fileno()):
                    if await self._stopped_within(_TAKE_OVER_S / self._hurry):
                        return
            await self._run_on_schedule()

    async def _run_on_schedule(self) -> None:
        now = datetime.now(UTC)
        status, past_due = self._status_at_start(now)
        if past_due or self._options.run_on_startup:
            status = await self._invoke(status, now, past_due=past_due)
        while not self._stopping.is_set():
            due = self._options.schedule.next_after(datetime.now(UTC))
            if await self._stopped_until(due):
                return
            # A clock that runs slow against the timer must not make the same time due twice.
            status = await self._invoke(status, max(datetime.now(UTC), due), past_due=False)

    def _status_at_start(self, now: datetime) -> tuple[TimerStatus, bool]:
        """The recorded status, and whether an occurrence was missed since.

        A timer without a record gets one, so that it knows of its first occurrence even if the host stops
        before; a schedule that was changed meanwhile starts anew.
        """
        schedule = self._options.schedule
        fresh = TimerStatus(_NEVER, schedule.next_after(now), _NEVER)
        if not self._options.monitored:
            return fresh, False
        status = self._read_status()
        if status is None:
            self._write_status(replace(fresh, last_updated=now))
            return fresh, False
        expected = schedule.next_after(status.last if status.last != _NEVER else status.last_updated)
        if status.next != expected:
            changed = TimerStatus(_NEVER, schedule.next_after(now) if now > expected else expected, now)
            self._write_status(changed)
            return changed, False
        return status, now > status.next

    async def _invoke(self, status: TimerStatus, at: datetime, *, past_due: bool) -> TimerStatus:
        call = Call(
            inputs={self._function.trigger.name: self._input(status, past_due)},
            trigger_metadata={"TimerTrigger": Datum(at.strftime("%m/%d/%Y %H:%M:%S"), "string")},
        )
        outcome = await invoke_with_retries(
            self._function,
            call,
            "past due" if past_due else "timer",
            invoker=self._invoker,
            console=self._console,
            hurry=self._hurry,
            halt=self._stopping,
        )
        if outcome is None:
            # Stopped before the last attempt: the occurrence counts as missed.
            return status
        status = TimerStatus(at, self._options.schedule.next_after(at), at)
        if self._options.monitored:
            self._write_status(status)
        return status

    def _input(self, status: TimerStatus, past_due: bool) -> Datum:
        return _timer_datum(
            self._options.schedule.adjusts_for_dst, status.as_json() if self._options.monitored else None, past_due
        )

    def _read_status(self) -> TimerStatus | None:
        try:
            content = json.loads(self._status_path.read_text(encoding="utf-8"))
            return TimerStatus(
                *(datetime.fromisoformat(content[name]).astimezone(UTC) for name in ("Last", "Next", "LastUpdated"))
            )
        except (FileNotFoundError, ValueError, KeyError, TypeError, OverflowError):
            return None

    def _write_status(self, status: TimerStatus) -> None:
        # Written aside and renamed, so that a kill leaves the old status or the new one.
        aside = self._status_path.with_suffix(".new")
        aside.write_text(json.dumps(status.as_json()) + "\n", encoding="utf-8")
        aside.replace(self._status_path)

    async def _stopped_until(self, due: datetime) -> bool:
        # A wait may end a moment early, and a laptop may sleep: look at the clock again.
        while (left := (due - datetime.now(UTC)).total_seconds()) > 0:
            if await self._stopped_within(min(left, 60.0)):
                return True
        return self._stopping.is_set()

    async def _stopped_within(self, seconds: float) -> bool:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)
        return self._stopping.is_set()


def timer_by_hand() -> Datum:
    """What a timer function gets when it is started through the host's API."""
    return _timer_datum(True, None, False)


def _timer_datum(adjusts_for_dst: bool, status: dict[str, str] | None, past_due: bool) -> Datum:
    content: dict[str, Any] = {
        "Schedule": {"AdjustForDST": adjusts_for_dst},
        "ScheduleStatus": status,
        "IsPastDue": past_due,
    }
    return Datum(json.dumps(content, separators=(",", ":")), "json")


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
