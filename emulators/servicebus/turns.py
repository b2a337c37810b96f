"""Turns: everything that arrived at once is done, committed together, and only then answered."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable

from emulators.amqp.protocol import AmqpProtocol
from emulators.servicebus.runtime import Runtime


class Turns:
    """`on_failure` is called when a turn could not be made durable: nothing of it was, or will be, answered."""

    def __init__(self, runtime: Runtime, on_failure: Callable[[Exception], None]) -> None:
        self._runtime = runtime
        self._on_failure = on_failure
        self._waiting: dict[AmqpProtocol, None] = {}
        self._scheduled = False
        runtime.on_work = self.schedule

    def begin(self) -> None:
        """Something arrived: all of it is one turn, which ends with `finish`."""
        self._scheduled = True

    def schedule(self) -> None:
        """End a turn soon, unless one is under way."""
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self.finish)

    def flush_at_end(self, connection: AmqpProtocol) -> None:
        """Let a connection write after the commit."""
        self._waiting[connection] = None
        self.schedule()

    def finish(self) -> None:
        """Hand out, commit, write. Called by the loop; by others to end a turn at once."""
        try:
            self._runtime.finish_turn()
        except sqlite3.Error as error:
            waiting, self._waiting = self._waiting, {}
            for connection in waiting:
                connection.abort()
            self._on_failure(error)
            return
        finally:
            self._scheduled = False
        waiting, self._waiting = self._waiting, {}
        for connection in waiting:
            connection.flush()
