"""A command with its event, each of its places forgotten in turn: the type checker or a fast test notices it."""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.e2e.copies import make_copy
from tests.e2e.walk import ROOT, Block, Walk, blocks_of

STEPS = [
    block
    for block in blocks_of(ROOT / "docs" / "how-to" / "add-a-command.md", "service")
    if block.above.startswith("In `") or "Write `tests/golden" in block.above
]
"""What the page changes, but for the test that it adds."""

CHANGED = ("function_app.py", "domain", "projections", "api", "tests/architecture", "tests/domain", "tests/golden")
CHECKS = (["mypy"], ["pytest", "-q", "tests", "--ignore", "tests/engine"])


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all, since the type checker is quick only where it has been before. As made, it is kept beside it."""
    folder = make_copy(tmp_path_factory.mktemp("forgotten") / "guests")
    for name in CHANGED:
        _copy(folder / name, folder.with_name("as-made") / name)
    return folder


def complaints_after(steps: Sequence[Block], folder: Path) -> str:
    """What the type checker says after these steps, else what the fast tests say; empty if both are content."""
    for name in CHANGED:
        _copy(folder.with_name("as-made") / name, folder / name)
    walk = Walk({"service": folder}, {})
    for step in steps:
        walk.take(step)
    for check in CHECKS:
        done = subprocess.run(
            [sys.executable, "-m", *check], cwd=folder, capture_output=True, text=True, timeout=120, check=False
        )
        if done.returncode:
            return done.stdout + done.stderr
    return ""


def _copy(source: Path, target: Path) -> None:
    if source.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)
    else:
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(source, target)


@pytest.mark.timeout(300)
def test_a_command_is_added_in_at_most_six_files_beside_read_models(service: Path) -> None:
    assert "" == complaints_after(STEPS, service)
    files = {step.above.split("`")[1] for step in STEPS}
    assert 6 == len({name for name in files if not name.startswith(("tests/", "projections/"))})


@pytest.mark.timeout(300)
@pytest.mark.parametrize("forgotten", range(len(STEPS)), ids=lambda number: STEPS[number].above.split("`")[1])
def test_a_place_that_is_forgotten_is_noticed(service: Path, forgotten: int) -> None:
    assert complaints_after([*STEPS[:forgotten], *STEPS[forgotten + 1 :]], service)
