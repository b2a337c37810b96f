"""Services as real processes: started, watched, ended."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emulators.tests.functions.engines import chosen

FOLDER = Path(__file__).parents[3]
_PATIENCE_S = 20.0


@dataclass(frozen=True)
class Answer:
    """An HTTP answer, whatever its status."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Service:
    """A service as a process, and the lines that it has printed so far.

    It runs in the folder of this package's own folder, under this interpreter, unless others are named.
    """

    def __init__(
        self,
        module: str,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        folder: Path = FOLDER,
        python: str = sys.executable,
    ) -> None:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("DEVSTACK_")}
        self.process = subprocess.Popen(
            [python, "-W", "error", "-m", module, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=folder,
            env={**inherited, **(environment or {})},
        )
        self._lines: list[str] = []
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def text(self) -> str:
        return "".join(self._lines)

    def says(self, pattern: str, times: int = 1) -> list[re.Match[str]]:
        """Wait until a pattern stands so many times in the output; the matches."""
        deadline = time.monotonic() + _PATIENCE_S
        with self._changed:
            while len(found := list(re.finditer(pattern, self.text, re.MULTILINE))) < times:
                left = deadline - time.monotonic()
                assert left > 0, f"{pattern!r} was not said {times} times in:\n{self.text}"
                self._changed.wait(left)
            return found

    def url(self) -> str:
        """Where it serves, once it does."""
        return self.says(r"^devstack: \w+ ready at (http://localhost:\d+)$")[0][1]

    def ends(self) -> int:
        """Its exit status, once it has ended."""
        status = self.process.wait(_PATIENCE_S)
        self._reader.join(_PATIENCE_S)
        return status

    def stop(self) -> int:
        """Ask it to end; its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.ends()

    def close(self) -> None:
        """End it by all means, in order if it can be."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(_PATIENCE_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait()
        self._reader.join(_PATIENCE_S)
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._changed:
                self._lines.append(line)
                self._changed.notify_all()


@contextmanager
def running(module: str, *arguments: str, environment: Mapping[str, str] | None = None) -> Iterator[Service]:
    """A service for the length of a block; a host runs its functions on the engine of the test."""
    engine = ["--engine", chosen()] if module == "emulators.functions" else []
    service = Service(module, *engine, *arguments, environment=environment)
    try:
        yield service
    finally:
        service.close()


def request(url: str, method: str = "GET", content: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
    """One HTTP request on a connection of its own."""
    data = None if content is None else json.dumps(content).encode()
    sent = {"Content-Type": "application/json", **(headers or {})}
    try:
        with urllib.request.urlopen(
            urllib.request.Request(url, data, sent, method=method), timeout=_PATIENCE_S
        ) as answer:
            return Answer(answer.status, dict(answer.headers), answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, dict(error.headers), error.read())


def until(holds: Any, what: str) -> None:
    """Wait until a condition on other processes holds."""
    deadline = time.monotonic() + _PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline, f"it did not happen that {what}"
        time.sleep(0.02)


def is_running(pid: int) -> bool:
    """Whether a process exists and is no zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
