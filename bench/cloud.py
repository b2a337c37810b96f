"""The local cloud for measurements: each service a process of its own, on free ports, gone when the block ends."""

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

from composition.settings import Settings

ROOT: Final = Path(__file__).resolve().parent.parent
DATABASE: Final = "orders"
KEY: Final = (
    "C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuVTqobD4b8mGGyPMbIZnqyMsEcaGQy67XIw/Jw=="  # the emulator's
)
_READY: Final = re.compile(r"devstack: \w+ ready at (\S+)$")
_READY_WITHIN: Final = 60.0
_STOPPED_WITHIN: Final = 20.0


class ServiceFailed(Exception):
    """A service of the local cloud did not start; the message holds the last it said."""


@dataclass(frozen=True, slots=True)
class Service:
    url: str
    pid: int


@dataclass(frozen=True, slots=True)
class Stack:
    """Cosmos DB, Service Bus, and Functions hosts over both; `known` are their settings."""

    cosmos: Service
    bus: Service
    functions: Service
    known: Mapping[str, str]

    @property
    def api(self) -> str:
        return f"{self.functions.url}/api"


_NO_BUS = "Endpoint=sb://localhost:1;SharedAccessKeyName=n;SharedAccessKey=k;UseDevelopmentEmulator=true;"
"""For what never sends: nothing listens there."""


def environment(cosmos_url: str, bus: str = _NO_BUS) -> Mapping[str, str]:
    """The settings of the service (docs/operations.md) against a local account; `bus` is a connection string."""
    return {
        "COSMOS": f"AccountEndpoint={cosmos_url}/;AccountKey={KEY};",
        "COSMOS_DATABASE": DATABASE,
        "SERVICEBUS": bus,
        "TRUST_EASYAUTH": "0",
        "FUNCTIONS_WORKER_RUNTIME": "python",
        "AzureWebJobsStorage": "UseDevelopmentStorage=true",
    }


def settings(cosmos_url: str) -> Settings:
    return Settings.from_mapping(environment(cosmos_url))


@contextmanager
def cosmos() -> Iterator[Service]:
    """Cosmos DB in memory. Raises ServiceFailed."""
    with _service("emulators.cosmos", "--port", "0", "--ephemeral") as service:
        yield service


@contextmanager
def cosmos_on(folder: Path) -> Iterator[Service]:
    """Cosmos DB on disk. Raises ServiceFailed."""
    with _service("emulators.cosmos", "--port", "0", "--data", str(folder)) as service:
        yield service


@contextmanager
def servicebus_on(folder: Path, config: Path | None = None) -> Iterator[Service]:
    """Service Bus on disk, with the entities of the service or of a configuration. Raises ServiceFailed."""
    entities = config or ROOT / "devstack" / "servicebus.json"
    arguments = ("--port", "0", "--data", str(folder), "--config", str(entities))
    with _service("emulators.servicebus", *arguments) as service:
        yield service


@contextmanager
def sink() -> Iterator[Service]:
    """A bus that settles everything and stores nothing. Raises ServiceFailed."""
    with _service("bench.probes.sink") as service:
        yield service


def bus_connection_string(url: str) -> str:
    return (
        f"Endpoint=sb://{url.removeprefix('amqp://')};SharedAccessKeyName=n;SharedAccessKey=k;"
        "UseDevelopmentEmulator=true;"
    )


@contextmanager
def canned(upstream: str) -> Iterator[Service]:
    """A server that answers with what it has recorded from `upstream`. Raises ServiceFailed."""
    with _service("bench.probes.canned", upstream) as service:
        yield service


@contextmanager
def stack(data: Path, instances: int, bus_config: Path | None = None) -> Iterator[Stack]:
    """All of the local cloud on disk, provisioned, with its times as in `make run`. Raises ServiceFailed."""
    with cosmos_on(data / "cosmos") as store, servicebus_on(data / "servicebus", bus_config) as bus:
        known = environment(store.url, bus_connection_string(bus.url))
        provision(known)
        options = ("--port", "0", "--app", str(ROOT), "--data", str(data / "functions"), "--instances", str(instances))
        with _service("emulators.functions", *options, known=known) as functions:
            yield Stack(store, bus, functions, known)


def provision(known: Mapping[str, str]) -> None:
    run_python("-m", "operate", "provision", known=known)


def run_python(*arguments: str, known: Mapping[str, str] | None = None, stdin: str = "") -> str:
    """What a fresh interpreter prints. Raises CalledProcessError."""
    done = subprocess.run(  # noqa: S603 - code of ours
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment_of(known or {}),
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
        arguments, cwd=ROOT, env=environment_of({}), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        yield Conversation(process)


def environment_of(known: Mapping[str, str]) -> Mapping[str, str]:
    """This process's, without the settings of another stack that it may carry, with those that are known."""
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("COSMOS", "SERVICEBUS", "DEVSTACK_"))
    }
    return {**inherited, **known}


@contextmanager
def _service(module: str, *arguments: str, known: Mapping[str, str] | None = None) -> Iterator[Service]:
    process = subprocess.Popen(  # noqa: S603 - a module of ours
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        # It ends with its standard input: nothing outlives a benchmark that is killed.
        env={**environment_of(known or {}), "DEVSTACK_SUPERVISED": "1"},
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
