"""The check of the Python version has to run under Pythons that run nothing else of the stack."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from devstack.up import python_version
from tests.devstack.up.project import REPOSITORY

MODULES = [REPOSITORY / "devstack" / "__main__.py", *sorted((REPOSITORY / "devstack" / "up").glob("*.py"))]
BEFORE_THE_CHECK = [REPOSITORY / "devstack" / "__main__.py", REPOSITORY / "devstack" / "up" / "python_version.py"]


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_the_module_parses_under_python_3_6(module: Path) -> None:
    source = module.read_text()

    ast.parse(source, feature_version=(3, 6))
    # Python 3.6 refuses it, which a mere parser does not notice.
    assert "from __future__ import annotations" not in source


@pytest.mark.parametrize("module", BEFORE_THE_CHECK, ids=lambda path: path.name)
def test_nothing_is_imported_before_the_check_that_an_old_python_lacks(module: Path) -> None:
    imported: set[str] = set()
    for statement in ast.parse(module.read_text()).body:
        if isinstance(statement, ast.Import):
            imported.update(name.name for name in statement.names)
        elif isinstance(statement, ast.ImportFrom):
            imported.add(statement.module or "")

    assert imported <= {"sys", "shutil", "typing", "devstack.up"}


def test_too_old_a_python_is_one_line_that_says_which_is_needed() -> None:
    pretend = "import runpy, sys; sys.version_info = (3, 9, 2); sys.argv = ['devstack', 'up']; "
    refused = subprocess.run(
        [sys.executable, "-c", pretend + "runpy.run_module('devstack', run_name='__main__')"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )

    assert 1 == refused.returncode
    assert refused.stderr.startswith("devstack: Python 3.9 is too old, 3.11 to 3.13 is needed; ")
    assert 1 == len(refused.stderr.splitlines())


def test_an_interpreter_that_would_do_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "install one, then: make run PYTHON=python3.13" in (python_version.complaint((3, 9)) or "")

    (tmp_path / "python3.12").touch(mode=0o755)
    assert "this machine has one: make run PYTHON=python3.12" in (python_version.complaint((3, 9)) or "")


@pytest.mark.parametrize("running", [(3, 11), (3, 12), (3, 13)])
def test_the_supported_ones_are_taken_without_a_word(running: tuple[int, int]) -> None:
    assert (None, None) == (python_version.complaint(running), python_version.warning(running))


def test_a_newer_one_is_marked_as_not_run_by_us() -> None:
    assert None is python_version.complaint((3, 14))
    assert "Python 3.14 is not run by us (3.11 to 3.13 are); going on" == python_version.warning((3, 14))
