"""Timers: what a function receives, what is recorded, what is caught up with, who runs them."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import azure.functions as func
import pytest

from emulators.functions.bindings import BindingError
from emulators.functions.indexing import Function
from emulators.functions.invocation import Invoker
from emulators.functions.timers import TimerListener, TimerOptions
from emulators.tests.functions.apps import Screen, eventually, only_function, running_invoker
from emulators.tests.functions.corpus import invocation

pytestmark = pytest.mark.usefixtures("engine")

HOURLY = "0 0 * * * *"
EVERY_SECOND = "* * * * * *"


class Clockwork:
    """A function on a schedule that records what it receives."""

    def __init__(self, **trigger: Any) -> None:
        self.seen: list[Any] = []
        self.fails = 0
        app = func.FunctionApp()

        @app.timer_trigger(arg_name="timer", **trigger)
        @app.retry(strategy="fixed_delay", max_retry_count="1", delay_interval="00:00:01")
        def sweep(timer: func.TimerRequest) -> None:
            self.seen.append(timer)
            if len(self.seen) <= self.fails:
                raise ValueError("not yet")

        self.function: Function = only_function(app)


def listener(clockwork: Clockwork, invoker: Invoker, folder: Path, screen: Screen | None = None) -> TimerListener:
    options = TimerOptions.from_binding(clockwork.function.trigger, datetime.now(UTC))
    return TimerListener(clockwork.function, options, invoker, screen or Screen(), data_dir=folder, hurry=100)


@asynccontextmanager
async def started(clockwork: Clockwork, folder: Path) -> AsyncIterator[TimerListener]:
    async with running_invoker() as invoker:
        timer = listener(clockwork, invoker, folder)
        await timer.start()
        try:
            yield timer
        finally:
            await timer.stop()


def record(folder: Path) -> dict[str, str]:
    content: dict[str, str] = json.loads((folder / "timers" / "sweep.json").read_text(encoding="utf-8"))
    return content


def write_record(folder: Path, last: datetime, due: datetime) -> None:
    (folder / "timers").mkdir()
    status = {"Last": last.isoformat(), "Next": due.isoformat(), "LastUpdated": last.isoformat()}
    (folder / "timers" / "sweep.json").write_text(json.dumps(status), encoding="utf-8")


@pytest.mark.verified("trace", feature="Timer status")
async def test_the_first_run_ever_receives_what_the_real_host_sent(tmp_path: Path) -> None:
    clockwork = Clockwork(schedule=HOURLY, run_on_startup=True)
    async with started(clockwork, tmp_path):
        await eventually(lambda: clockwork.seen, "it runs on start-up")
    sent = json.loads(invocation("sweep", 1)["request"]["input_data"][0]["data"]["json"])
    (timer,) = clockwork.seen
    assert sent["Schedule"] == timer.schedule
    assert sent["IsPastDue"] == timer.past_due
    assert set(sent["ScheduleStatus"]) == set(timer.schedule_status)
    assert sent["ScheduleStatus"]["Last"] == timer.schedule_status["Last"]
    assert sent["ScheduleStatus"]["LastUpdated"] == timer.schedule_status["LastUpdated"]
    next_hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    assert next_hour == datetime.fromisoformat(timer.schedule_status["Next"])


@pytest.mark.verified("trace", feature="Timer status")
async def test_the_next_run_knows_of_the_one_before(tmp_path: Path) -> None:
    clockwork = Clockwork(schedule=HOURLY, run_on_startup=True)
    for _ in range(2):
        async with started(clockwork, tmp_path):
            runs = len(clockwork.seen) + 1
            await eventually(lambda runs=runs: len(clockwork.seen) == runs, "it runs on start-up")  # type: ignore[misc]
    status = clockwork.seen[1].schedule_status
    assert status["Last"] == status["LastUpdated"]
    assert datetime.fromisoformat(status["Last"]) <= datetime.now(UTC)
    assert record(tmp_path)["Next"] == status["Next"]


@pytest.mark.verified("docs", feature="Timer status")
async def test_a_new_timer_is_recorded_before_its_first_occurrence(tmp_path: Path) -> None:
    clockwork = Clockwork(schedule=HOURLY)
    async with started(clockwork, tmp_path):
        await eventually((tmp_path / "timers" / "sweep.json").exists, "it is recorded")
    assert [] == clockwork.seen
    assert record(tmp_path)["Last"].startswith("0001-01-01T00:00:00")


@pytest.mark.verified("trace", feature="Timers: catching up")
async def test_an_occurrence_that_was_missed_is_made_up_for_once(tmp_path: Path) -> None:
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    write_record(tmp_path, now - timedelta(hours=3), now - timedelta(hours=2))
    clockwork = Clockwork(schedule=HOURLY)
    async with started(clockwork, tmp_path):
        await eventually(lambda: clockwork.seen, "it runs")
    assert [True] == [timer.past_due for timer in clockwork.seen]
    async with started(clockwork, tmp_path):
        pass
    assert 1 == len(clockwork.seen)


@pytest.mark.verified("docs", feature="Timers: catching up")
async def test_a_schedule_that_was_changed_starts_anew(tmp_path: Path) -> None:
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    write_record(tmp_path, now - timedelta(hours=3), now - timedelta(minutes=30))
    clockwork = Clockwork(schedule=HOURLY)
    async with started(clockwork, tmp_path):
        await eventually(lambda: record(tmp_path)["Last"].startswith("0001"), "the record starts anew")
    assert [] == clockwork.seen


@pytest.mark.verified("trace", feature="Timers under one minute")
async def test_a_frequent_timer_runs_without_a_record(tmp_path: Path) -> None:
    clockwork = Clockwork(schedule=EVERY_SECOND)
    async with started(clockwork, tmp_path):
        await eventually(lambda: clockwork.seen, "it runs")
    assert ({}, False) == (clockwork.seen[0].schedule_status, clockwork.seen[0].past_due)
    assert not (tmp_path / "timers" / "sweep.json").exists()


@pytest.mark.verified("trace", feature="Timers: retry policies")
async def test_a_failed_run_is_repeated_as_its_policy_says(tmp_path: Path) -> None:
    clockwork = Clockwork(schedule=HOURLY, run_on_startup=True)
    clockwork.fails = 1
    async with started(clockwork, tmp_path):
        await eventually(lambda: len(clockwork.seen) == 2, "it is repeated")


@pytest.mark.verified("docs", feature="Timers: one host at a time")
async def test_one_host_runs_a_timer_and_another_takes_over_when_it_is_gone(tmp_path: Path) -> None:
    first, second = (Clockwork(schedule=HOURLY, run_on_startup=True) for _ in range(2))
    screen = Screen()
    async with running_invoker() as invoker:
        running, waiting = listener(first, invoker, tmp_path), listener(second, invoker, tmp_path, screen)
        await running.start()
        await eventually(lambda: first.seen, "the first host runs it")
        await waiting.start()
        await eventually(lambda: "sweep waits" in screen.text, "the second host waits")
        assert [] == second.seen
        await running.stop()
        await eventually(lambda: second.seen, "the second host takes over")
        await waiting.stop()


@pytest.mark.verified("docs", feature="Timer schedules")
def test_a_schedule_that_cannot_be_read_is_an_error() -> None:
    with pytest.raises(BindingError, match="hourly"):
        TimerOptions.from_binding(Clockwork(schedule="hourly").function.trigger, datetime.now(UTC))
