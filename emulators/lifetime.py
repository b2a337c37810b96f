"""How a service of the local cloud ends: by a signal, or with the supervisor that started it."""

from __future__ import annotations

import asyncio
import os
import signal
import threading


def stop_when_told(stop: asyncio.Event) -> None:
    """Set `stop` on SIGTERM and SIGINT and, under `DEVSTACK_SUPERVISED`, at the end of standard input."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if os.environ.get("DEVSTACK_SUPERVISED") == "1":
        stop_at_end_of_stdin(stop)


def stop_at_end_of_stdin(stop: asyncio.Event) -> None:
    """Whoever starts a process holds the other end of its standard input, which ends however that one ends."""
    loop = asyncio.get_running_loop()

    def watch() -> None:
        while os.read(0, 4096):
            pass
        loop.call_soon_threadsafe(stop.set)

    # A thread, because standard input may be something that an event loop cannot watch.
    threading.Thread(target=watch, name="stdin-watch", daemon=True).start()
