"""The processes of the hosts: started, watched, replaced when they die, ended with this one."""

import asyncio
import json
import os
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import emulators
from emulators.functions.console import Console
from emulators.functions.host import EXIT_PORT_TAKEN, EXIT_REFUSED, EXIT_REPLACE, EXIT_USAGE

_FIRST_DELAY_S = 0.1
_LONGEST_DELAY_S = 30.0
_LIVED_WELL_S = 10.0
_STOP_S = 12.0


class HostFailedError(Exception):
    """A host could not start at all; `status` is the exit status for this process."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class HostOptions:
    """What every host is started with."""

    app: Path
    data: Path
    instances: int
    hurry: float
    enable_auth: bool
    engine: str


@dataclass
class HostProcess:
    """One host process and what is known of it. `serving` is set while it answers requests."""

    number: int
    port: int
    options: HostOptions
    console: Console
    functions: int = 0
    process: asyncio.subprocess.Process | None = None
    serving: asyncio.Event = field(default_factory=asyncio.Event)
    started: asyncio.Event = field(default_factory=asyncio.Event)
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)
    _restarting: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        """Where it answers while it serves."""
        return f"http://localhost:{self.port}"

    async def keep_running(self) -> None:
        """Run the process, and again whenever it ends, until `stop`.

        Raises HostFailedError at the first start, if its port is taken or the app is such that no host can start.
        """
        loop = asyncio.get_running_loop()
        delay = _FIRST_DELAY_S
        while not self._stopping.is_set():
            started = loop.time()
            self._restarting.clear()
            status = await self._run_once()
            if self._stopping.is_set():
                return
            if self._restarting.is_set():
                delay = _FIRST_DELAY_S
                continue
            if status == EXIT_PORT_TAKEN and not self.started.is_set():
                message = f"port {self.port} for host {self.number} is taken; stop that process or give another port"
                raise HostFailedError(f"{message} with --port", EXIT_PORT_TAKEN)
            if status == EXIT_REFUSED and not self.started.is_set():
                raise HostFailedError("the host cannot start with this app", EXIT_USAGE)
            if loop.time() - started > _LIVED_WELL_S or status == EXIT_REPLACE:
                delay = _FIRST_DELAY_S
            if status == EXIT_REPLACE:
                self.console.line(f"host {self.number} is replaced: a function ran into functionTimeout")
            else:
                self.console.line(f"host {self.number} ended with status {status}; again in {delay:g} s")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._restarting.wait(), delay)
            delay = min(2 * delay, _LONGEST_DELAY_S)

    def restart(self) -> None:
        """Have the app loaded anew: running invocations end first, the port stays."""
        self._restarting.set()
        if self.process is not None and self.process.returncode is None:
            with suppress(ProcessLookupError):
                self.process.terminate()

    async def stop(self) -> None:
        """End the process as the platform does: SIGTERM, and SIGKILL if it does not follow in time."""
        self._stopping.set()
        process = self.process
        if process is None or process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), _STOP_S)
        except TimeoutError:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def _run_once(self) -> int:
        read_end, write_end = os.pipe()
        options = self.options
        # The real worker runs without column markers in its tracebacks.
        command = [sys.executable, "-X", "no_debug_ranges", "-m", "emulators.functions.host", f"--number={self.number}"]
        command += [f"--instances={options.instances}", f"--port={self.port}", f"--app={options.app}"]
        command += [f"--data={options.data}", f"--hurry={options.hurry}", f"--report-fd={write_end}"]
        command += [f"--engine={options.engine}"]
        command += ["--enable-auth"] if options.enable_auth else []
        try:
            self.process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.PIPE,
                pass_fds=[write_end],
                cwd=Path(emulators.__file__).parents[1],
            )
        finally:
            os.close(write_end)
        try:
            await self._read_report(read_end)
            return await self.process.wait()
        finally:
            self.serving.clear()
            if self.process.stdin is not None:
                self.process.stdin.close()

    async def _read_report(self, read_end: int) -> None:
        """The host reports once, when it serves; the pipe closes without a report if it dies before."""
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        transport, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(read_end, "rb")
        )
        try:
            line = await reader.readline()
        finally:
            transport.close()
        if line:
            report = json.loads(line)
            self.port = report["port"]
            self.functions = report["functions"]
            self.serving.set()
            self.started.set()
