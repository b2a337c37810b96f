"""The README, word for word, in a fresh copy of the project with an empty home."""

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import pytest

from tests.e2e.stack import ROOT, Stack, launch

BLOCKS = re.findall(r"^```sh\n(.*?)^```$", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
_DONE = "done, says the test"
READY = re.compile(r"devstack: ready — http://localhost:(?P<port>\d+)/api")


@dataclass(frozen=True)
class Machine:
    """Where a stranger has just cloned the project, and what the shell there knows."""

    folder: Path
    environment: dict[str, str]


class Terminal:
    """The stranger's second terminal: one shell, so that a block may use what an earlier one has set."""

    def __init__(self, machine: Machine, port: str) -> None:
        self._port = port
        self._shell = subprocess.Popen(
            ["bash", "-euo", "pipefail"],
            cwd=machine.folder,
            env=machine.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._shell.communicate(timeout=60)

    def sh(self, block: str) -> str:
        """What the block prints to stdout. One that fails ends the shell, and the test."""
        assert self._shell.stdin is not None
        assert self._shell.stdout is not None
        here = block.replace("localhost:7071", f"localhost:{self._port}")
        self._shell.stdin.write(f"{here}printf '\\n{_DONE}\\n'\n")
        printed = ""
        for line in self._shell.stdout:
            if line == f"{_DONE}\n":
                return printed
            printed += line
        raise AssertionError(f"this failed, after it had printed {printed!r}:\n{here}")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    folder, home = tmp_path / "clone", tmp_path / "home"
    home.mkdir()
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in listed.stdout.splitlines():
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes((ROOT / name).read_bytes())
            (folder / name).chmod((ROOT / name).stat().st_mode)
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("COSMOS", "SERVICEBUS", "DEVSTACK_", "OTEL_", "VIRTUAL_"))
    }
    ports = {"DEVSTACK_FUNCTIONS_PORT": "0", "DEVSTACK_COSMOS_PORT": "0", "DEVSTACK_SERVICEBUS_PORT": "0"}
    return Machine(folder, {**inherited, "HOME": str(home), **ports})


@pytest.fixture
def service(machine: Machine) -> Iterator[Stack]:
    """What the first block starts."""
    assert "make run\n" == BLOCKS[0]
    stack = Stack(launch(["make", "run"], machine.folder, machine.environment))
    try:
        yield stack
    finally:
        stack.kill()


@pytest.mark.timeout(300)
def test_a_stranger_runs_it_and_brings_a_first_order_to_its_end(machine: Machine, service: Stack) -> None:
    port = service.wait_for(READY)["port"]
    receipt, order, history, payment, shipment, shown = BLOCKS[1:7]
    with Terminal(machine, port) as terminal:
        assert '"version":1' in terminal.sh(receipt)
        placed = terminal.sh(order)
        assert '"status":"placed"' in placed
        assert placed == terminal.sh(order)
        while '"orderId"' not in (orders := terminal.sh(history)):
            assert '{"orders":[]}' == orders.strip()
        assert '"total":{"amount":"25.00","currency":"EUR"}' in orders
        assert '"status":"processed"' in terminal.sh(payment)
        assert '"status":"shipped"' in terminal.sh(shipment)
        details = terminal.sh(shown)
        assert '"status":"shipped"' in details
        assert '"version":3' in details
    demo = subprocess.run(
        [".venv/bin/python", "-m", "operate", "demo", "--url", f"http://localhost:{port}/api"],
        cwd=machine.folder, env=machine.environment, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert 0 == demo.returncode, demo.stdout + demo.stderr
    for shows in (
        "OrderShipped",
        "OrderCancelled",
        "DispatchCompleted",
        "order-details",
        "order-history",
        "payment-status",
    ):
        assert shows in demo.stdout
    os.killpg(service.process.pid, signal.SIGINT)
    service.wait_for(re.compile("stopped; the data stays in .devstack"))
    assert (machine.folder / ".devstack").is_dir()


def test_the_test_command_of_the_readme_is_the_one_that_ci_runs() -> None:
    assert ["make test\n"] == BLOCKS[7:]
    assert re.search(r"^make test\b", (ROOT / ".ci" / "run").read_text(encoding="utf-8"), re.MULTILINE)
