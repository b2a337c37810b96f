"""`.ci/run`: all of it runs, and its last line adds up what the runs of pytest said."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
GOOD = "===== 40 passed, 2 skipped, 1 deselected in 3.21s =====", 0
BETTER = "===== 200 passed in 61.00s (0:01:01) =====", 0
BAD = "===== 2 failed, 38 passed, 1 error in 3.21s =====", 2
CRASHED = "===== test session starts =====", 134
NOTHING = "===== no tests ran in 0.01s =====", 5
SILENT = "", 0


@pytest.mark.parametrize(
    ("check", "test", "emulators", "last_line", "status"),
    [
        (0, GOOD, BETTER, "240 passed, 0 failed", 0),
        (2, GOOD, BETTER, "240 passed, 0 failed", 1),
        (0, BAD, BETTER, "238 passed, 3 failed", 1),
        (0, GOOD, BAD, "78 passed, 3 failed", 1),
        (0, CRASHED, BETTER, "200 passed, 1 failed", 1),
        (0, GOOD, NOTHING, "40 passed, 1 failed", 1),
        (0, GOOD, SILENT, "40 passed, 1 failed", 1),
        (2, CRASHED, CRASHED, "0 passed, 2 failed", 1),
    ],
)
def test_the_last_line_and_the_status(
    tmp_path: Path, check: int, test: tuple[str, int], emulators: tuple[str, int], last_line: str, status: int
) -> None:
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "run", tmp_path / ".ci" / "run")
    make = tmp_path / "bin" / "make"
    make.parent.mkdir()
    cases = {"check": ("", check), "test": test, "test-emulators": emulators}
    says = "\n".join(f"{target}) echo '{text}'; exit {code};;" for target, (text, code) in cases.items())
    make.write_text(f'#!/bin/sh\ncase "$1" in\n{says}\nesac\nexit 99\n')
    make.chmod(0o755)
    environment = {**os.environ, "PATH": f"{make.parent}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", ".ci/run"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert (last_line, status) == (done.stdout.splitlines()[-1], done.returncode), done.stdout + done.stderr
