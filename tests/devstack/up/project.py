"""A project in a folder of its own: the real `python -m devstack` over fake services."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

from devstack.up import environment
from devstack.up.console import Console

REPOSITORY = Path(__file__).parents[3]
FAKES = Path(__file__).parent / "fakes"
PATIENCE = 20.0  # seconds, far more than anything here takes
CLEAN_ENVIRONMENT = {
    name: value
    for name, value in os.environ.items()
    if not name.startswith(("DEVSTACK_", "COSMOS", "SERVICEBUS", "OTEL_", "MAKE"))
}


def wait_until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"waited {PATIENCE} s in vain until {what}"
        time.sleep(0.01)


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that ended and was not yet reaped does not."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], stdout=subprocess.PIPE, text=True, check=False).stdout
    return bool(state) and not state.startswith("Z")


def end_service(url: str, status: int) -> None:
    """Have the fake service at `url` end on its own."""
    with socket.create_connection(("127.0.0.1", urlsplit(url).port or 0)) as connection:
        connection.sendall(str(status).encode())


class Project:
    """A copy of `devstack up` with fakes beside it, and an environment of which nothing needs to be installed."""

    def __init__(self, root: Path) -> None:
        self.root = root
        shutil.copytree(REPOSITORY / "devstack" / "up", root / "devstack" / "up")
        for name in ("__init__.py", "__main__.py"):
            shutil.copy(REPOSITORY / "devstack" / name, root / "devstack" / name)
        for service in ("traces", "cosmos", "servicebus", "functions"):
            (root / "emulators" / service).mkdir(parents=True)
            shutil.copy(FAKES / "service.py", root / "emulators" / service / "__main__.py")
        (root / "operate").mkdir()
        shutil.copy(FAKES / "operate.py", root / "operate" / "__main__.py")
        (root / "requirements-dev.txt").write_text("# nothing\n")
        self.settings({"COSMOS_DATABASE": "orders"}, "local.settings.json.example")
        self.faults()
        environment.prepare(str(root), Console(), create=_link_this_python, install=lambda *_: None)

    @property
    def data(self) -> Path:
        return self.root / ".devstack"

    def settings(self, values: dict[str, str], name: str = "local.settings.json") -> None:
        (self.root / name).write_text(json.dumps({"IsEncrypted": False, "Values": values}))

    def faults(self, **faults: dict[str, Any]) -> None:
        """What the fakes do wrong from their next start on."""
        (self.root / "faults.json").write_text(json.dumps(faults))

    def journal(self) -> list[dict[str, Any]]:
        """What the fakes noted, in order."""
        path = self.root / "journal.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def noted(self) -> list[str]:
        return [f"{entry['name']} {entry['event']}" for entry in self.journal()]

    def services(self) -> dict[str, dict[str, Any]]:
        """What `status --json` says of the services that run."""
        found: dict[str, dict[str, Any]] = json.loads(self.run("status", "--json").stdout)["services"]
        return found

    def run(self, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        """One command to its end."""
        return subprocess.run(
            [sys.executable, "-m", "devstack", *arguments],
            cwd=self.root,
            env=self._environment(variables),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    def up(self, *arguments: str, **variables: str) -> "Up":
        """`devstack up` in a process group of its own, as a shell starts it."""
        return Up(self.start("up", *arguments, output=subprocess.PIPE, **variables))

    def start(self, *arguments: str, output: int, **variables: str) -> "subprocess.Popen[str]":
        """One command in a process group of its own; `output` is a descriptor, or subprocess.PIPE."""
        return subprocess.Popen(
            [sys.executable, "-m", "devstack", *arguments],
            cwd=self.root,
            env=self._environment(variables),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def _environment(self, variables: dict[str, str]) -> dict[str, str]:
        ports = {f"DEVSTACK_{service}_PORT": "0" for service in ("FUNCTIONS", "COSMOS", "SERVICEBUS")}
        return {**CLEAN_ENVIRONMENT, **ports, **variables}


class Up:
    """One running `devstack up`. A context manager that kills what is left of its process group."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        self.lines.extend(self.process.stdout)

    @property
    def output(self) -> str:
        return "".join(self.lines)

    def says(self, text: str) -> str:
        """The line with `text`, once it was printed."""
        wait_until(lambda: text in self.output or not self._reader.is_alive(), f"up says {text!r}")
        assert text in self.output, self.output
        return next(line for line in self.lines if text in line)

    def ready(self) -> "Up":
        """Itself, once the stack is ready."""
        self.says("devstack: ready — ")
        return self

    def signal_group(self, number: signal.Signals) -> None:
        """What a terminal does at Ctrl-C."""
        os.killpg(self.process.pid, number)

    def ends(self) -> int:
        """The exit status, once it and all its output are there."""
        status = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        return status

    def __enter__(self) -> "Up":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.signal_group(signal.SIGKILL)
        self.ends()
        assert self.process.stdout is not None
        self.process.stdout.close()


def _link_this_python(venv: str) -> None:
    (Path(venv) / "bin").mkdir(parents=True)
    (Path(venv) / "bin" / "python").symlink_to(Path(sys.executable).resolve())
