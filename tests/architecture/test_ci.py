"""`.ci/run`: all of it runs, and its last line adds up what the runs of pytest said."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
GOOD = "===== 40 passed, 2 skipped, 1 deselected in 3.21s =====", 0
BETTER = "===== 200 passed in 61.00s (0:01:01) =====", 0
BAD = "===== 2 failed, 38 passed, 1 error in 3.21s =====", 2
CRASHED = "===== test session starts =====", 134
NOTHING = "===== no tests ran in 0.01s =====", 5
SILENT = "", 0
INSTALLS = 'case "$*" in *chromium*) cp "$0" "${0%/*}/chromium";; esac'
TOOLS = ("bash", "cp", "dirname", "git", "grep", "id", "mktemp", "rm", "sh", "tail", "tee", "timeout")
BESIDE = {"audit": ("", 0), "infra-check": ("", 0), "package": ("===== 1 passed in 3.21s =====", 0)}


@pytest.mark.parametrize(
    ("check", "test", "emulators", "last_line", "status"),
    [
        (0, GOOD, BETTER, "241 passed, 0 failed", 0),
        (2, GOOD, BETTER, "241 passed, 0 failed", 1),
        (0, BAD, BETTER, "239 passed, 3 failed", 1),
        (0, GOOD, BAD, "79 passed, 3 failed", 1),
        (0, CRASHED, BETTER, "201 passed, 1 failed", 1),
        (0, GOOD, NOTHING, "41 passed, 1 failed", 1),
        (0, GOOD, SILENT, "41 passed, 1 failed", 1),
        (2, CRASHED, CRASHED, "1 passed, 2 failed", 1),
    ],
)
def test_the_last_line_and_the_status(
    tmp_path: Path, check: int, test: tuple[str, int], emulators: tuple[str, int], last_line: str, status: int
) -> None:
    """Without a newer Python, which is said."""
    targets = {"check": ("", check), **BESIDE, "test": test, "test-emulators": emulators}
    done = run(tmp_path, targets, newest=False)
    assert (last_line, status) == (done.stdout.splitlines()[-1], done.returncode), done.stdout + done.stderr
    assert "Python 3.13: not found on this machine" in done.stdout


@pytest.mark.parametrize(
    ("essentials", "last_line", "status"),
    [(GOOD, "281 passed, 0 failed", 0), (BAD, "279 passed, 3 failed", 1), (CRASHED, "241 passed, 1 failed", 1)],
)
def test_what_the_newest_python_says_counts(
    tmp_path: Path, essentials: tuple[str, int], last_line: str, status: int
) -> None:
    targets = {"check": ("", 0), **BESIDE, "test": GOOD, "test-emulators": BETTER, "test-essentials": essentials}
    done = run(tmp_path, targets, newest=True)
    assert (last_line, status) == (done.stdout.splitlines()[-1], done.returncode), done.stdout + done.stderr


def test_a_known_weakness_fails_it(tmp_path: Path) -> None:
    targets = {"check": ("", 0), **BESIDE, "audit": ("", 1), "test": GOOD, "test-emulators": BETTER}
    done = run(tmp_path, targets, newest=False)
    assert ("241 passed, 0 failed", 1) == (done.stdout.splitlines()[-1], done.returncode), done.stdout + done.stderr
    assert "make audit, as far as it could ask: FAILED" in done.stdout


def test_infrastructure_that_is_not_sound_fails_it(tmp_path: Path) -> None:
    targets = {"check": ("", 0), **BESIDE, "infra-check": ("", 1), "test": GOOD, "test-emulators": BETTER}
    done = run(tmp_path, targets, newest=False)
    assert ("241 passed, 0 failed", 1) == (done.stdout.splitlines()[-1], done.returncode), done.stdout + done.stderr
    assert "make infra-check, with the tools that are here: FAILED" in done.stdout


@pytest.mark.parametrize(
    ("machine", "named"),
    [
        ({"chromium": "exit 0"}, "chromium"),
        ({"google-chrome": "exit 0"}, "google-chrome"),
        ({"apt-get": INSTALLS, "id": "echo 0"}, "chromium"),
        ({"apt-get": INSTALLS, "id": "echo 1000"}, ""),
        ({"apt-get": "echo unreachable; exit 100", "id": "echo 0"}, ""),
        ({}, ""),
    ],
)
def test_a_browser_is_found_or_installed_by_root_and_then_required(
    tmp_path: Path, machine: Mapping[str, str], named: str
) -> None:
    """`make` sees its file in CHROMIUM: the tests fail without it. Where there is none, that is said."""
    targets = {"check": ("", 0), **BESIDE, "test": GOOD, "test-emulators": BETTER}
    done = run(tmp_path, targets, newest=False, machine=machine)
    assert f"the browser is [{tmp_path / 'bin' / named if named else ''}]" in done.stdout, done.stdout + done.stderr
    assert (named == "") == ("no browser:" in done.stdout)
    assert "241 passed, 0 failed" == done.stdout.splitlines()[-1]


def run(
    folder: Path, targets: Mapping[str, tuple[str, int]], *, newest: bool, machine: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    """`.ci/run` over a `make` that says what each target says, and a machine with or without the newest Python.

    The machine has a browser, or the programs of `machine` in its place, and little else.
    """
    (folder / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "run", folder / ".ci" / "run")
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    (folder / "bin").mkdir()
    says = "\n".join(f"*\\ {target}\\ *) echo '{text}'; exit {code};;" for target, (text, code) in targets.items())
    programs = {
        "make": f'echo "the browser is [$CHROMIUM]"\ncase " $* " in\n{says}\nesac\nexit 99',
        "python3.13": f"exit {0 if newest else 127}",
        "pyenv": "exit 1",
        **({"chromium": "exit 0"} if machine is None else machine),
    }
    for name, text in programs.items():
        program = folder / "bin" / name
        program.write_text(f"#!/bin/sh\n{text}\n")
        program.chmod(0o755)
    for tool in TOOLS:
        if tool not in programs:
            (folder / "bin" / tool).symlink_to(shutil.which(tool) or tool)
    environment = {name: value for name, value in os.environ.items() if name != "CHROMIUM"}
    environment["PATH"] = str(folder / "bin")
    command = ["bash", ".ci/run"]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
