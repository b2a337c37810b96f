"""Ending with one's parent: whoever starts a process holds the other end of its stdin."""

import asyncio
import os
import threading


def stop_at_end_of_stdin(stop: asyncio.Event) -> None:
    """Set `stop` when stdin reaches its end, which it does however the parent ends."""
    loop = asyncio.get_running_loop()

    def watch() -> None:
        while os.read(0, 4096):
            pass
        loop.call_soon_threadsafe(stop.set)

    # A thread, because stdin may be something that an event loop cannot watch.
    threading.Thread(target=watch, name="stdin-watch", daemon=True).start()
