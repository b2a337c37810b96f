"""Requests to stop, from a terminal or another process."""

import os
import signal
import threading
import time
from typing import Callable, Union

# `timeout` and `make` may signal both the process and its group: that is one request.
_ONE_REQUEST = 0.5  # seconds


def on_stop_request(request: Callable[[], None]) -> None:
    """From now on, call `request`, on a thread of its own, for each request to stop."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    # The kernel hands a signal to any thread. The interpreter writes here at once, whereas a handler runs when the
    # main thread next does, and a wait on a queue goes on for ever if it was not the one to be interrupted.
    signal.set_wakeup_fd(writer)
    _install(lambda *_: None)
    threading.Thread(target=_report, args=(reader, request), name="signals", daemon=True).start()


def ignore_stop_requests() -> None:
    """All is stopped and the process ends: one more Ctrl-C changes nothing, not even its exit status."""
    _install(signal.SIG_IGN)


def _report(reader: int, request: Callable[[], None]) -> None:
    latest = -_ONE_REQUEST
    while os.read(reader, 1):
        now = time.monotonic()
        if now - latest >= _ONE_REQUEST:
            latest = now
            request()


def _install(handler: "Union[Callable[..., None], signal.Handlers]") -> None:
    signal.signal(signal.SIGINT, handler)
    signal.signal(signal.SIGTERM, handler)
    # A process under nohup is meant to outlive its terminal.
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
        signal.signal(signal.SIGHUP, handler)
