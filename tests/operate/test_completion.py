"""`operate completion`: a shell that has read the script runs `operate` from any folder, and completes it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from operate import completion
from operate.__main__ import main
from operate.completion import SCRIPTS, VARIABLE

ROOT = Path(__file__).resolve().parents[2]

ASKED = """
source <(printf '%s' "$SCRIPT")
COMP_WORDS=({words})
COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
COMPREPLY=()
_operate_completion 2>/dev/null
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.fixture
def script(capsys: pytest.CaptureFixture[str]) -> str:
    assert 0 == main(["completion", "bash"])
    return capsys.readouterr().out


def bash(code: str, folder: Path, variables: Mapping[str, str]) -> str:
    done = subprocess.run(
        ["bash", "-c", code], cwd=folder, env={**os.environ, **variables}, capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (
            "operate ''",
            {
                "new",
                "provision",
                "streams",
                "orders",
                "parked",
                "dead-letters",
                "views",
                "trace",
                "cost",
                "projections",
                "verify",
                "demo",
                "completion",
                "topology",
                "infra",
                "package",
                "audit",
            },
        ),
        ("operate dea", {"dead-letters"}),
        ("operate parked ''", {"list", "show", "release", "discard"}),
        ("operate parked list com", {"commands"}),
        ("operate parked list re", {"reactions", "relay"}),
        ("operate parked list stock", {"stock-levels@1"}),
        ("operate dead-letters redrive ev", {"events/notifications"}),
        ("operate demo fl", {"flash-sale"}),
        ("operate streams ''", {"list", "show", "state", "size", "large"}),
        ("operate streams list --category o", {"order"}),
        ("operate parked release --n", {"--name"}),
    ],
)
def test_bash_completes_commands_arguments_and_options(
    script: str, tmp_path: Path, words: str, expected: set[str]
) -> None:
    said = bash(ASKED.format(words=words), tmp_path, {"SCRIPT": script})
    assert expected == set(said.split())


def test_the_function_runs_it_from_any_folder(script: str, tmp_path: Path) -> None:
    (tmp_path / "operate").mkdir()
    (tmp_path / "operate" / "__main__.py").write_text("raise AssertionError('another one')", encoding="utf-8")
    assert '"UserConfig"' in bash(f"{script}\noperate topology", tmp_path, {})


@pytest.mark.parametrize("shell", SCRIPTS)
def test_there_is_one_for_each_shell_and_the_shell_takes_it(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert 0 == main(["completion", shell])
    script = capsys.readouterr().out
    assert f"{VARIABLE}={shell}_complete" in script
    assert "%" not in script
    assert f"{sys.executable} -P -m operate" in script
    if program := shutil.which(shell):
        subprocess.run([program, "-n"], input=script, text=True, check=True)


def test_fish_is_given_all_that_a_command_is_for(script: str, tmp_path: Path) -> None:
    """A description may have commas, as the lines of the answer have."""
    assert 'string split --max 1 ","' in SCRIPTS["fish"]
    if fish := shutil.which("fish"):
        code = f"{completion.script('fish', ROOT)}\ncomplete -C 'operate parked '"
        said = subprocess.run([fish, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
        assert "show\tShow why something is parked, and what waits." in said.splitlines()


def test_another_shell_is_refused_with_those_that_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert 2 == main(["completion", "csh"])
    assert "'bash', 'zsh', 'fish'" in capsys.readouterr().err
