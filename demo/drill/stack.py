"""A stack of the drill's own: a copy of the project, the local cloud as processes, and functions that come and go."""

import asyncio
import contextlib
import json
import re
import shutil
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import aiohttp

from operate.environment import of_no_account
from operate.failure import CommandFailed

_NOT_COPIED: Final = (".*", "__pycache__", "bench", "docs", "infra", "tests", "local.settings.json")
_READY: Final = re.compile(r"devstack: \w+ ready at (\S+)")
_READY_SECONDS: Final = 90.0
_ENDED_SECONDS: Final = 30.0
_OPERATED_SECONDS: Final = 600.0
_ACCOUNT: Final = "AccountKey=C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuVTqobD4b8mGGyPMbIZnqyMsEcaGQy67XIw/Jw=="
"""The key of every emulator of Cosmos DB; it is public."""
_BUS_KEY: Final = "SharedAccessKeyName=n;SharedAccessKey=k;UseDevelopmentEmulator=true"


@dataclass(slots=True)
class Service:
    """One process, and the lines that it has printed so far."""

    process: asyncio.subprocess.Process
    url: str = ""
    lines: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended, and what it printed."""

    status: int
    out: str
    err: str


@dataclass(slots=True)
class Stack:
    """Cosmos DB and Service Bus run as long as it does; the functions from `start_app` to `stop_app`."""

    folder: Path
    environment: dict[str, str]
    cosmos: str = ""
    app: Service | None = None
    said: list[str] = field(default_factory=list)
    _app: contextlib.AsyncExitStack = field(default_factory=contextlib.AsyncExitStack)

    @property
    def api(self) -> str:
        if self.app is None:
            raise CommandFailed("the functions do not run")
        return f"{self.app.url}/api"

    async def start_app(self, instances: int) -> None:
        """Starts the functions of the copy as it is now. Raises CommandFailed."""
        arguments = ("--port", "0", "--data", "../functions", "--hurry", "10", "--instances", str(instances))
        self.app = await self._app.enter_async_context(_serving(self, "functions", *arguments))
        self.said = self.app.lines

    async def stop_app(self) -> None:
        """Ends the functions in order: what they are doing ends first."""
        self.app = None
        await self._app.aclose()

    async def operate(self, *arguments: str) -> Ended:
        """Runs one command of `operate` in the copy, on this stack."""
        command = [sys.executable, "-m", "operate", *arguments]
        process = await asyncio.create_subprocess_exec(
            *command, cwd=self.folder, env=self.environment, stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            out, err = await asyncio.wait_for(process.communicate(), _OPERATED_SECONDS)
        except TimeoutError:
            raise CommandFailed(f"operate {' '.join(arguments)} took more than {_OPERATED_SECONDS:.0f} s") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        return Ended(process.returncode or 0, out.decode(), err.decode())

    async def control(self, path: str, content: Mapping[str, Any]) -> Any:
        """Asks the control port of the local Cosmos DB. Raises CommandFailed."""
        session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_ENDED_SECONDS))
        async with session, session.post(f"{self.cosmos}/_devstack/{path}", data=json.dumps(content)) as answer:
            told = await answer.json()
        if answer.status != 200:
            raise CommandFailed(f"the local Cosmos DB refuses {path}: {told['error']}")
        return told


@asynccontextmanager
async def stack_of(root: Path, folder: Path, settings: Mapping[str, str]) -> AsyncIterator[Stack]:
    """Yields a stack over empty data, provisioned and without functions. Raises CommandFailed."""
    shutil.copytree(root, folder, ignore=shutil.ignore_patterns(*_NOT_COPIED))
    (folder / ".venv").symlink_to((root / ".venv").resolve())
    stack = Stack(folder, {**of_no_account(), "COSMOS_DATABASE": "drill", **settings})
    async with contextlib.AsyncExitStack() as running:
        data = ("--port", "0", "--data")
        cosmos = await running.enter_async_context(_serving(stack, "cosmos", *data, "../cosmos", "--lag", "3"))
        bus = await running.enter_async_context(_serving(stack, "servicebus", *data, "../servicebus"))
        stack.cosmos = cosmos.url
        stack.environment["COSMOS"] = f"AccountEndpoint={cosmos.url}/;{_ACCOUNT};"
        stack.environment["SERVICEBUS"] = f"Endpoint={bus.url.replace('amqp:', 'sb:')};{_BUS_KEY};"
        provisioned = await stack.operate("provision")
        if provisioned.status:
            raise CommandFailed(f"the containers of the drill were not made: {provisioned.err}")
        running.push_async_callback(stack.stop_app)
        yield stack


@asynccontextmanager
async def _serving(stack: Stack, name: str, *arguments: str) -> AsyncIterator[Service]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "devstack", name, *arguments,
        cwd=stack.folder, env=stack.environment, stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    service, ready = Service(process), asyncio.Event()
    reading = asyncio.create_task(_read(service, ready))
    try:
        try:
            await asyncio.wait_for(ready.wait(), _READY_SECONDS)
        except TimeoutError:
            raise CommandFailed(f"{name} did not start within {_READY_SECONDS:.0f} s:\n{_end(service.lines)}") from None
        if not service.url:
            raise CommandFailed(f"{name} ended at once:\n{_end(service.lines)}")
        yield service
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), _ENDED_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()
        await reading


async def _read(service: Service, ready: asyncio.Event) -> None:
    assert service.process.stdout is not None
    async for line in service.process.stdout:
        text = line.decode(errors="replace").rstrip()
        service.lines.append(text)
        if (match := _READY.match(text)) and not service.url:
            service.url = match[1]
            ready.set()
    ready.set()


def _end(lines: Sequence[str]) -> str:
    return "\n".join(lines[-20:])
