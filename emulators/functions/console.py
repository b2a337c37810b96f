"""What the person at the terminal reads: one line per invocation, and what went wrong with its cause."""

import asyncio
import sys
import traceback
from contextlib import suppress
from datetime import datetime
from typing import TextIO

from emulators.functions.failures import message_of


class Console:
    """Writes whole lines, from any thread. With several hosts every line carries the host's number.

    What it is given to write may be anything, and whoever reads it may be gone: neither is the writer's concern.
    `crashed` is set once a task of this host has ended with an error: it serves no more what it is there for.
    """

    def __init__(self, host: int | None = None, stream: TextIO | None = None) -> None:
        self._tag = "" if host is None else f"[{host}] "
        self._stream = sys.stdout if stream is None else stream
        self.crashed = asyncio.Event()

    def line(self, text: str, detail: str = "") -> None:
        """One line with the time of day; `detail` follows, indented, in the same write."""
        now = datetime.now().astimezone().strftime("%H:%M:%S.%f")[:-3]
        lines = [f"{now} {self._tag}{text}"]
        lines += [f"    {line}" for line in detail.rstrip().splitlines()]
        # One write, so that the lines of several processes do not run into each other.
        encoding = getattr(self._stream, "encoding", None) or "utf-8"
        text = ("\n".join(lines) + "\n").encode(encoding, "backslashreplace").decode(encoding)
        # Nobody may read it any more, or the app has closed the output of its process.
        with suppress(OSError, ValueError):
            self._stream.write(text)
            self._stream.flush()

    def crash_of(self, task: "asyncio.Task[None]") -> None:
        """Show the error of a task of this host, if it ended with one: that is a defect of devstack."""
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self.line(f"devstack failed: {message_of(error)}", "".join(traceback.format_exception(error)))
            self.crashed.set()

    def outcome(self, function: str, text: str, detail: str = "") -> None:
        """How an invocation of a function ended."""
        self.line(f"{function} {text}", detail)
