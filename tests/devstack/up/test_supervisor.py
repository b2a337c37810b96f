"""The supervisor's limits on time, which are too long for a test of the whole, and its children's last words."""

import os
import sys
import threading

import pytest

from devstack.up.child import Child
from devstack.up.claim import Stack
from devstack.up.console import Console
from devstack.up.events import Ended, Event, Events, StopRequested
from devstack.up.services import Service, Step
from devstack.up.supervisor import Supervisor, Urls

SERVES = "print('devstack: cosmos ready at http://localhost:1', flush=True); "
READS = "import sys; sys.stdin.read()"
IGNORES = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); "


class Run:
    """A supervisor of one service, which is the given program."""

    def __init__(self, program: str, patience: float = 20.0, grace: float = 20.0) -> None:
        self.events: Events[Event] = Events()
        self.published: list[Stack] = []
        self._program = program
        self._console = Console()
        self._supervisor = Supervisor(
            [Service("cosmos", ())], self._launch, self.published.append, self.events, self._console, patience, grace
        )

    def _launch(self, step: Step, urls: Urls) -> Child:
        command = [sys.executable, "-c", self._program]
        return Child(step.name, command, dict(os.environ), ".", 2, self._console, self.events)

    def status(self) -> int:
        return self._supervisor.run(lambda urls: self.events.put(StopRequested()))


def test_a_service_that_does_not_get_ready_is_given_up(capfd: pytest.CaptureFixture[str]) -> None:
    assert 1 == Run(READS, patience=0.1).status()
    assert "devstack: cosmos did not get ready within 0 s; stopping the rest" in capfd.readouterr().err


def test_a_service_that_does_not_end_is_killed(capfd: pytest.CaptureFixture[str]) -> None:
    run = Run(IGNORES + SERVES + READS, grace=0.1)

    assert 0 == run.status()
    assert "devstack: cosmos did not end within 0 s; killing it" in capfd.readouterr().err
    assert {} == run.published[-1].services


def test_the_last_words_of_a_child_come_before_its_end() -> None:
    """They may still be in the pipe when the process has ended: here, the console is slower than the process."""
    reported = threading.Event()
    before: list[bool] = []

    class Reports(Events[Event]):
        def put(self, item: Event, block: bool = True, timeout: float | None = None) -> None:
            reported.set()
            super().put(item)

    class SlowConsole(Console):
        def relay(self, name: str, line: str) -> None:
            before.append(not reported.wait(0.3))

    events = Reports()
    Child("cosmos", [sys.executable, "-c", "print('last words')"], dict(os.environ), ".", 2, SlowConsole(), events)

    assert Ended("cosmos", 0) == events.get(timeout=20)
    assert [True] == before
