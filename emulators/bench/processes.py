"""Services for measurements: each a process of its own, on a free port, gone when the block ends."""

import contextlib
import json
import os
import re
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

FOLDER: Final = Path(__file__).resolve().parents[2]
"""Where the processes run, so that they find this package."""

_READY: Final = re.compile(r"devstack: \w+ ready at (\S+)$")
_READY_WITHIN: Final = 60.0
_STOPPED_WITHIN: Final = 20.0


class ServiceFailed(Exception):
    """A service did not start; the message holds the last it said."""


@dataclass(frozen=True, slots=True)
class Service:
    url: str
    pid: int


@contextmanager
def cosmos(folder: Path | None = None) -> Iterator[Service]:
    """Cosmos DB in memory, or on disk. Raises ServiceFailed."""
    where = ("--ephemeral",) if folder is None else ("--data", str(folder))
    with service("emulators.cosmos", "--port", "0", *where) as running:
        yield running


@contextmanager
def servicebus(folder: Path, config: Path) -> Iterator[Service]:
    """Service Bus on disk, with the entities of a configuration. Raises ServiceFailed."""
    with service("emulators.servicebus", "--port", "0", "--data", str(folder), "--config", str(config)) as running:
        yield running


@contextmanager
def sink() -> Iterator[Service]:
    """A bus that settles everything and stores nothing. Raises ServiceFailed."""
    with service("emulators.bench.probes.sink") as running:
        yield running


@contextmanager
def canned(upstream: str) -> Iterator[Service]:
    """A server that answers with what it has recorded from `upstream`. Raises ServiceFailed."""
    with service("emulators.bench.probes.canned", upstream) as running:
        yield running


def bus_connection_string(url: str) -> str:
    return (
        f"Endpoint=sb://{url.removeprefix('amqp://')};SharedAccessKeyName=n;SharedAccessKey=k;"
        "UseDevelopmentEmulator=true;"
    )


def run_python(*arguments: str, environment: Mapping[str, str] | None = None, stdin: str = "") -> str:
    """What a fresh interpreter prints. `environment` is all of it, None this process's. Raises CalledProcessError."""
    done = subprocess.run(  # noqa: S603 - code of ours
        [sys.executable, *arguments],
        cwd=FOLDER,
        env=environment,
        input=stdin,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout


@dataclass(frozen=True, slots=True)
class Conversation:
    """A fresh process that is told lines of JSON, and answers with such lines."""

    process: "subprocess.Popen[str]"

    def say(self, value: object) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(value) + "\n")
        self.process.stdin.flush()

    def hear(self) -> Any:
        """Raises ServiceFailed when the process has ended."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise ServiceFailed(f"process {self.process.pid} ended with {self.process.wait()}")
        return json.loads(line)


@contextmanager
def conversation(module: str) -> Iterator[Conversation]:
    """It ends with its standard input."""
    arguments = [sys.executable, "-m", module]
    process = subprocess.Popen(  # noqa: S603 - a module of ours
        arguments, cwd=FOLDER, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        yield Conversation(process)


@contextmanager
def service(module: str, *arguments: str, environment: Mapping[str, str] | None = None) -> Iterator[Service]:
    """A module that prints a line of readiness. `environment` as for `run_python`. Raises ServiceFailed."""
    process = subprocess.Popen(  # noqa: S603 - a module of ours
        [sys.executable, "-m", module, *arguments],
        cwd=FOLDER,
        # It ends with its standard input: nothing outlives a benchmark that is killed.
        env={**(os.environ if environment is None else environment), "DEVSTACK_SUPERVISED": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
    )
    output = _Output(process)
    try:
        yield Service(output.ready_url(), process.pid)
    finally:
        process.terminate()
        try:
            process.wait(_STOPPED_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        output.close()


class _Output:
    """Reads what a service prints, so that its pipe never fills, and keeps the last lines for an error message."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        self._process = process
        self._last: deque[str] = deque(maxlen=30)
        self._url = ""
        self._known = threading.Event()
        self._thread = threading.Thread(target=self._read, args=(process.stdout,), daemon=True)
        self._thread.start()

    def ready_url(self) -> str:
        self._known.wait(_READY_WITHIN)
        if not self._url:
            raise ServiceFailed("".join(self._last) or f"no line of readiness within {_READY_WITHIN:.0f} s")
        return self._url

    def close(self) -> None:
        self._thread.join()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with contextlib.suppress(BrokenPipeError):
                pipe.close()

    def _read(self, stream: IO[str]) -> None:
        for line in stream:
            self._last.append(line)
            if match := _READY.match(line.rstrip("\n")):
                self._url = match[1]
                self._known.set()
        self._known.set()
