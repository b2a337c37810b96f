"""Services made by `operate new`, with the environment that is here instead of one of their own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from devstack.up import environment
from devstack.up.console import Console
from tests.e2e.stack import ROOT

_VENV: Final = ROOT / ".venv"


def make_copy(folder: Path, name: str = "guests") -> Path:
    """A service in `folder`, as an author gets it, that has been set up."""
    command = [sys.executable, "-m", "operate", "new", str(folder), "--name", name]
    subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
    set_up(folder)
    return folder


def set_up(folder: Path) -> None:
    """As `make setup` does, but nothing is installed."""
    environment.prepare(str(folder), Console(), create=_link_ours, install=lambda *_: None)


def copied_project(folder: Path) -> None:
    """This project as it would be checked out, changes included."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)


def run_in(folder: Path, *command: str, timeout: float = 300, **variables: str) -> str:
    """What it says; fails with that where it fails."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("COSMOS", "SERVICEBUS", "DEVSTACK_", "VIRTUAL_", "PYTEST_", "MAKE"))
    }
    done = subprocess.run(
        command, cwd=folder, env={**inherited, **variables}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, timeout=timeout, check=False,
    )  # fmt: skip
    assert 0 == done.returncode, f"{' '.join(command)}:\n{done.stdout}"
    return done.stdout


def _link_ours(venv: str) -> None:
    """A folder of its own, since what it was made from is noted in it, and everything in it ours."""
    Path(venv).mkdir()
    for entry in _VENV.iterdir():
        if entry.suffix != ".json":
            (Path(venv) / entry.name).symlink_to(entry)
