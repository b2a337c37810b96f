"""What the user sees: whole lines, written from several threads."""

import os
import sys
import threading
from typing import Callable, Optional, TextIO

LABEL_WIDTH = len("servicebus")


class Console:
    """Own lines begin with `devstack:`, those of a child with its name.

    Once nobody reads them any more (`make run | head`), lines are dropped.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._closed = False
        self._when_closed: Optional[Callable[[], None]] = None
        for stream in (sys.stdout, sys.stderr):
            _survive_odd_characters(stream)

    def when_closed(self, call: Callable[[], None]) -> None:
        """Call `call`, from any thread, when nobody reads any more."""
        self._when_closed = call
        if self._closed:
            call()

    def say(self, text: str) -> None:
        self._write(sys.stdout, "devstack: " + text + "\n")

    def complain(self, text: str) -> None:
        self._write(sys.stderr, "devstack: " + text + "\n")

    def relay(self, name: str, line: str) -> None:
        self._write(sys.stdout, name.ljust(LABEL_WIDTH) + " | " + line + "\n")

    def plain(self, line: str) -> None:
        self._write(sys.stdout, line + "\n")

    def passing(self, text: str) -> None:
        """Show what is being done, on a terminal only; the next call takes its place, an empty text clears it."""
        if sys.stdout.isatty():
            self._write(sys.stdout, "\r\033[K" + text[:78])

    def _write(self, stream: TextIO, text: str) -> None:
        with self._lock:
            if self._closed:
                return
            try:
                stream.write(text)
                stream.flush()
            except OSError:
                self._closed = True
                _discard(stream)
        if self._closed and self._when_closed:
            self._when_closed()


def _survive_odd_characters(stream: TextIO) -> None:
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="replace")


def _discard(stream: TextIO) -> None:
    """The interpreter flushes its streams once more at exit, and would fail at it."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
