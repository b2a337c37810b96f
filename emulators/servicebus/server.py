"""The broker in a process: it listens on loopback, answers, and lets tests look and reach inside."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final

from aiohttp import web

from emulators.clock import Clock
from emulators.loopback import listen
from emulators.servicebus import control
from emulators.servicebus.config import NamespaceSettings
from emulators.servicebus.connection import Connection
from emulators.servicebus.faults import Faults
from emulators.servicebus.namespace import Namespace
from emulators.servicebus.runtime import Runtime
from emulators.servicebus.store import Store
from emulators.servicebus.turns import Turns

_log: Final = logging.getLogger("emulators.servicebus")
_SOONEST: Final = 0.001  # seconds


class ServiceBusServer:
    """A running broker. `failed` is set, with the reason, when it can store no more; it then answers nobody."""

    def __init__(self, settings: NamespaceSettings, store: Store, runtime: Runtime, seed: int) -> None:
        self.clock = runtime.clock
        self.store = store
        self.seed = seed
        self.faults = Faults(seed)
        self.failed: asyncio.Future[Exception] = asyncio.get_running_loop().create_future()
        self.namespace = Namespace(settings, runtime)
        self.port = 0
        self.control_port = 0
        self._runtime = runtime
        self._turns = Turns(runtime, self._fail)
        self._connections: set[Connection] = set()
        self._alarm: asyncio.TimerHandle | None = None
        runtime.on_alarm = self._set_alarm
        self._set_alarm()

    @property
    def url(self) -> str:
        return f"amqp://localhost:{self.port}"

    @property
    def control_url(self) -> str:
        return f"http://localhost:{self.control_port}{control.PREFIX}"

    @property
    def connection_string(self) -> str:
        return connection_string(self.port)

    @classmethod
    @asynccontextmanager
    async def start(
        cls,
        settings: NamespaceSettings,
        *,
        port: int = 0,
        data: Path | None = None,
        hurry: float = 1.0,
        seed: int = 0,
        duplicate_detection: bool = True,
        control_port: int | None = None,
    ) -> AsyncIterator[ServiceBusServer]:
        """Serve until the block ends. Without `data` everything is in memory, without `control_port` there is none.

        `hurry` divides the durations of locks; `seed` decides whom faults strike that strike a share.

        Raises PortTakenError and DataFolderError.
        """
        loop = asyncio.get_running_loop()
        store = Store(data)
        try:
            runtime = Runtime(store, Clock(), hurry=hurry, duplicate_detection=duplicate_detection)
            server = cls(settings, store, runtime, seed)
            accept = partial(Connection, server.namespace, server._turns, server.faults, server._connections)
            sockets = listen(port)
            server.port = sockets[0].getsockname()[1]
            listeners = [await loop.create_server(accept, sock=each) for each in sockets]
            runner = None if control_port is None else await server._serve_control(control_port)
            try:
                yield server
            finally:
                for listener in listeners:
                    listener.close()
                await server._end()
                if runner is not None:
                    await runner.cleanup()
        finally:
            store.close()

    async def _serve_control(self, port: int) -> web.ServerRunner:
        sockets = listen(port)
        self.control_port = sockets[0].getsockname()[1]
        runner = web.ServerRunner(web.Server(partial(control.answer, self), access_log=None), shutdown_timeout=1.0)
        await runner.setup()
        for each in sockets:
            await web.SockSite(runner, each).start()
        return runner

    async def _end(self) -> None:
        self._runtime.on_alarm = _nothing
        if self._alarm is not None:
            self._alarm.cancel()
        connections = list(self._connections)
        for connection in connections:
            connection.fail("amqp:connection:forced", "devstack stops.")
        self._turns.finish()
        for connection in connections:
            connection.abort()
        await asyncio.sleep(0)

    # The clock.

    def advance(self, seconds: float) -> None:
        """Let time pass: locks end, scheduled messages come, others expire."""
        self.clock.advance(seconds)
        self._run_due()

    def freeze(self) -> None:
        self.clock.freeze()

    def resume(self) -> None:
        self.clock.resume()
        self._run_due()

    def _set_alarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        if self._runtime.alarm is not None:
            wait = max(self._runtime.alarm / 1000 - self.clock.now(), _SOONEST)
            self._alarm = asyncio.get_running_loop().call_later(wait, self._run_due)

    def _run_due(self) -> None:
        self.namespace.run_due()
        self._turns.schedule()

    def _fail(self, error: Exception) -> None:
        for connection in list(self._connections):
            connection.abort()
        if not self.failed.done():
            self.failed.set_result(error)


def connection_string(port: int) -> str:
    """In the form that the official emulator documents; its key protects nothing."""
    return (
        f"Endpoint=sb://localhost:{port};SharedAccessKeyName=RootManageSharedAccessKey;"
        "SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true;"
    )


def _nothing() -> None:
    pass
