"""The service and its local cloud, as a user starts them, and its REST interface, as a client sees it."""

import asyncio
import contextlib
import json
import os
import queue
import re
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

import aiohttp

ROOT: Final = Path(__file__).resolve().parent.parent.parent
READY_WITHIN: Final = 90.0
STOPPED_WITHIN: Final = 30.0
POLL_SECONDS: Final = 0.05
_READY: Final = re.compile(
    r"devstack: ready — (http://\S+/api) \(functions\), (http://\S+) \(Cosmos DB\), .* (http://\S+)/traces \(traces\)"
)


@dataclass(frozen=True)
class Answered:
    """What an HTTP client got; the host that answered is told apart from the answer."""

    status: int
    body: Any
    etag: str | None
    host: str


class Stack:
    """`python -m devstack up` in a process group of its own; its output is kept for the failure message."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.output: list[str] = []
        self._lines: queue.Queue[str | None] = queue.Queue()
        assert process.stdout is not None
        self._reader = threading.Thread(target=self._read, args=(process.stdout,), daemon=True)
        self._reader.start()
        self.api = self.cosmos = self.traces = ""

    @classmethod
    def start(
        cls,
        data: Path,
        *,
        instances: int = 2,
        hurry: int = 20,
        lag: int = 3,
        engine: str | None = None,
        folder: Path = ROOT,
        settings: Mapping[str, str] | None = None,
    ) -> "Stack":
        """Returns once the stack of the project in `folder` is ready; its settings win over those of the file."""
        options = ["--instances", str(instances), "--hurry", str(hurry), "--lag", str(lag)]
        options += ["--engine", engine] if engine else []
        ports = {f"DEVSTACK_{service}_PORT": "0" for service in ("FUNCTIONS", "COSMOS", "SERVICEBUS")}
        variables = {**ports, "DEVSTACK_DATA": str(data), **(settings or {})}
        stack = cls(launch([sys.executable, "-m", "devstack", "up", *options], folder, variables))
        try:
            stack.api, stack.cosmos, stack.traces = stack.wait_for(_READY).groups()
        except BaseException:
            stack.kill()
            raise
        return stack

    def wait_for(self, pattern: re.Pattern[str]) -> re.Match[str]:
        """The first line of output that matches. Fails with the output when it does not come."""
        while True:
            try:
                line = self._lines.get(timeout=READY_WITHIN)
            except queue.Empty:
                line = None
            if line is None:
                raise AssertionError(f"no line like {pattern.pattern!r} came:\n{''.join(self.output)}")
            if match := pattern.search(line):
                return match

    def kill(self) -> None:
        """kill -9 of everything at once."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self._ended()

    def stop(self) -> int:
        """Ctrl-C; gives the exit status."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGINT)
        return self._ended()

    def _ended(self) -> int:
        try:
            return self.process.wait(STOPPED_WITHIN)
        finally:
            # The pipe ends when the last process that holds it has ended: nothing is left running.
            self._reader.join(STOPPED_WITHIN)
            assert not self._reader.is_alive(), "something of the stack still runs:\n" + "".join(self.output)
            assert self.process.stdout is not None
            self.process.stdout.close()

    def _read(self, stream: IO[str]) -> None:
        for line in stream:
            self.output.append(line)
            self._lines.put(line)
        self._lines.put(None)


def launch(command: list[str], folder: Path, environment: Mapping[str, str]) -> "subprocess.Popen[str]":
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("COSMOS", "SERVICEBUS", "DEVSTACK_", "OTEL_"))
    }
    return subprocess.Popen(
        command,
        cwd=folder,
        env={**inherited, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        start_new_session=True,
    )


@contextlib.contextmanager
def running(data: Path, *, instances: int = 2, engine: str | None = None, folder: Path = ROOT) -> Iterator[Stack]:
    """A stack that is stopped at the end, and did end well."""
    stack = Stack.start(data, instances=instances, engine=engine, folder=folder)
    try:
        yield stack
    except BaseException:
        stack.kill()
        print("".join(stack.output[-200:]))
        raise
    assert 0 == stack.stop(), "".join(stack.output[-50:])


@dataclass(frozen=True)
class Client:
    """Speaks REST to one URL."""

    session: aiohttp.ClientSession
    api: str

    async def post(self, path: str, body: Mapping[str, Any], key: str, **headers: str) -> Answered:
        return await self._exchange("POST", path, {"Idempotency-Key": key, **headers}, json.dumps(body))

    async def get(self, path: str) -> Answered:
        return await self._exchange("GET", path, {}, None)

    async def _exchange(self, method: str, path: str, headers: Mapping[str, str], data: str | None) -> Answered:
        async with self.session.request(method, self.api + path, headers=headers, data=data) as response:
            text = await response.text()
            body = json.loads(text) if text.startswith("{") else text
            return Answered(response.status, body, response.headers.get("ETag"), response.headers["x-devstack-host"])

    async def hosts(self) -> list["Client"]:
        """A client for each host behind the front."""
        async with self.session.get(self.api.removesuffix("/api") + "/admin/host/status") as response:
            status = await response.json()
        return [Client(self.session, f"{host['url']}/api") for host in status["hosts"]]


@asynccontextmanager
async def client_of(stack: Stack) -> AsyncIterator[Client]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
        yield Client(session, stack.api)


async def eventually(expected: object, look: Callable[[], Awaitable[object]], within: float = 30.0) -> None:
    """Asks another process again until it says what is expected; there is no event to wait for across processes."""
    seen: object = None
    try:
        async with asyncio.timeout(within):
            while (seen := await look()) != expected:  # noqa: ASYNC110 - the event happens in another process
                await asyncio.sleep(POLL_SECONDS)
    except TimeoutError:
        raise AssertionError(f"expected {expected!r} within {within} s, saw {seen!r} at last") from None
