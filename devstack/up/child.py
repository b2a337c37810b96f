"""One child process: started, its output relayed line by line, its end reported, stopped."""

import re
import signal
import subprocess
import threading
from contextlib import contextmanager
from typing import Dict, Iterator, List

from devstack.up.console import Console
from devstack.up.events import Ended, Event, Events, Ready

# The one line of a service to its supervisor.
_READY = re.compile(r"devstack: \w+ ready at (\S+)$")
# What a terminal sends to the whole process group.
_FROM_THE_TERMINAL = {signal.SIGINT, signal.SIGHUP}
_LAST_LINES = 1.0  # seconds for output that is still in the pipe when its process has ended


class Child:
    """A process whose stdin is a pipe that ends with the supervisor.

    It stays in the process group of the supervisor, so that a signal to the group reaches all of the stack. But
    Ctrl-C and the end of the terminal are blocked in it: the supervisor alone answers them, and stops in order.
    """

    def __init__(
        self,
        name: str,
        command: List[str],
        environment: Dict[str, str],
        folder: str,
        keep_open: int,
        console: Console,
        events: "Events[Event]",
    ) -> None:
        self.name = name
        self._console = console
        self._events = events
        with _terminal_signals_blocked():
            self._process = subprocess.Popen(
                command,
                cwd=folder,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                encoding="utf-8",
                errors="replace",
                pass_fds=(keep_open,),
            )
        self.pid = self._process.pid
        self._relay = threading.Thread(target=self._relay_output, name=name + " output", daemon=True)
        self._relay.start()
        threading.Thread(target=self._report_end, name=name + " end", daemon=True).start()

    def terminate(self) -> None:
        self._process.terminate()

    def kill(self) -> None:
        self._process.kill()

    def _relay_output(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as output:
            for line in output:
                self._console.relay(self.name, line.rstrip("\n"))
                ready = _READY.match(line)
                if ready:
                    self._events.put(Ready(self.name, ready.group(1)))

    def _report_end(self) -> None:
        status = self._process.wait()
        assert self._process.stdin is not None
        self._process.stdin.close()
        # A grandchild may keep the pipe open for longer.
        self._relay.join(_LAST_LINES)
        self._events.put(Ended(self.name, status))


@contextmanager
def _terminal_signals_blocked() -> Iterator[None]:
    """A child inherits the mask of the thread that starts it, and keeps it whatever handlers it installs."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _FROM_THE_TERMINAL)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
