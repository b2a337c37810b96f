"""`make infra-check` says what it has run, what it has found, and what this machine cannot run."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
# As if by an interpreter of another folder: what lies beside ours is not on that machine.
RUN = """
import runpy, sys
sys.executable, file = sys.argv[1:]
sys.argv = [file]
runpy.run_path(file, run_name="__main__")
"""
TOOLS = ("terraform", "tflint", "checkov", "actionlint", "zizmor")
CLEAN = {"summary": {"passed": 9, "failed": 0, "skipped": 2, "parsing_errors": 0}, "results": {"failed_checks": []}}
UNREAD = {"summary": {"passed": 9, "failed": 0, "skipped": 0, "parsing_errors": 1}, "results": {"failed_checks": []}}
NOTHING = {"summary": {"passed": 0, "failed": 0, "skipped": 0, "parsing_errors": 0}, "results": {"failed_checks": []}}
WRONG = {"valid": False, "diagnostics": [{"severity": "error", "summary": "Unsupported argument", "detail": "kin"}]}


def check(folder: Path, programs: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    """Runs it on a machine that has Python and these programs, each a script of the shell, and no others."""
    for name, script in {"python": f'exec {sys.executable} "$@"', **programs}.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        (folder / name).chmod(0o755)
    environment = {**os.environ, "PATH": f"{folder}:/usr/bin:/bin"}
    return subprocess.run(
        [sys.executable, "-c", RUN, str(folder / "python"), str(ROOT / "infra" / "check.py")],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def says(answer: Mapping[str, Any]) -> str:
    return f"cat <<'END'\n{json.dumps(answer)}\nEND"


def test_what_is_not_installed_is_named_and_fails_nothing(tmp_path: Path) -> None:
    done = check(tmp_path, {})
    assert done.returncode == 0, done.stderr
    assert [f"{name}: NOT RUN, {name} is not installed" for name in TOOLS[1:]] == done.stdout.splitlines()[4:-1]
    assert done.stdout.startswith("model: clean\n")
    assert done.stdout.endswith("infra: 1 clean, 0 failed, 7 not run here\n")


@pytest.mark.parametrize("summary", ["Missing required provider", "there is no package for azurerm 5.2.0"])
def test_a_provider_that_cannot_be_had_is_named(tmp_path: Path, summary: str) -> None:
    """The second where versions are locked."""
    missing = {"valid": False, "diagnostics": [{"severity": "error", "summary": summary}]}
    terraform = f'case "$2" in init) echo "Error: no such host" >&2; exit 1;; validate) {says(missing)}\nexit 1;; esac'
    done = check(tmp_path, {"terraform": terraform})
    assert done.returncode == 0, done.stderr
    assert "terraform test: NOT RUN, its provider cannot be had: no such host" in done.stdout


def test_what_a_tool_finds_fails_it(tmp_path: Path) -> None:
    terraform = f'case "$2" in validate) {says(WRONG)}\nexit 1;; test) exit 1;; esac'
    done = check(tmp_path, {"terraform": terraform, "tflint": "echo unused; exit 2", "checkov": says(CLEAN)})
    assert done.returncode == 1
    assert "terraform validate: FAILED\nUnsupported argument: kin\n" in done.stdout
    assert "tflint: FAILED\nunused\n" in done.stdout
    assert "checkov: 9 passed, 2 explained in the files\n" in done.stdout
    assert "3 failed" in done.stdout


def test_a_model_that_is_not_what_the_code_defines_fails_it(tmp_path: Path) -> None:
    done = check(tmp_path, {"python": "echo '{}'"})
    assert done.returncode == 1
    assert done.stdout.startswith("model: FAILED\ninfra/model.json is not what the code defines; `make infra-plans`")


@pytest.mark.parametrize("answer", [UNREAD, NOTHING])
def test_policies_that_have_read_nothing_are_not_clean(tmp_path: Path, answer: Mapping[str, Any]) -> None:
    done = check(tmp_path, {"checkov": says(answer)})
    assert done.returncode == 1
    assert "checkov: FAILED" in done.stdout
