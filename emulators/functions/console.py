"""What the person at the terminal reads: one line per invocation, and what went wrong with its cause."""

import asyncio
import sys
import traceback
from datetime import datetime
from typing import TextIO


class Console:
    """Writes whole lines, from any thread. With several hosts every line carries the host's number."""

    def __init__(self, host: int | None = None, stream: TextIO | None = None) -> None:
        self._tag = "" if host is None else f"[{host}] "
        self._stream = sys.stdout if stream is None else stream

    def line(self, text: str, detail: str = "") -> None:
        """One line with the time of day; `detail` follows, indented, in the same write."""
        now = datetime.now().astimezone().strftime("%H:%M:%S.%f")[:-3]
        lines = [f"{now} {self._tag}{text}"]
        lines += [f"    {line}" for line in detail.rstrip().splitlines()]
        # One write, so that the lines of several processes do not run into each other.
        self._stream.write("\n".join(lines) + "\n")
        self._stream.flush()

    def crash_of(self, task: "asyncio.Task[None]") -> None:
        """Show the error of a task of this host, if it ended with one: that is a defect of devstack."""
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self.line(f"devstack failed: {error}", "".join(traceback.format_exception(error)))

    def outcome(self, function: str, text: str, detail: str = "") -> None:
        """How an invocation of a function ended."""
        self.line(f"{function} {text}", detail)
