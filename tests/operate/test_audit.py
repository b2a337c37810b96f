"""`operate audit` fails for what is known to be weak, and says what it could not ask."""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from operate import audit
from operate.__main__ import main

# In place of pip-audit: it is asked about what is in its last argument.
PROGRAM = """
import json, sys
asked = [line.strip().split("==") for line in open(sys.argv[-1])]
weak, unknown, said = json.loads(sys.argv[1])
if said:
    sys.exit(said)
answers = [{"name": name, "version": version, "vulns": weak.get(name, [])} for name, version in asked]
for each in answers:
    if each["name"] in unknown or "*" in unknown:
        each["skip_reason"] = f"{each['name']} was not found"
print(json.dumps({"dependencies": answers}))
sys.exit(1 if weak else 0)
"""


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    def set_to(
        weak: Mapping[str, Sequence[Mapping[str, Any]]] | None = None, unknown: Sequence[str] = (), said: str = ""
    ) -> None:
        program = tmp_path / "program.py"
        program.write_text(PROGRAM, encoding="utf-8")
        told = json.dumps([weak or {}, unknown, said])
        monkeypatch.setattr(audit, "PROGRAM", (sys.executable, str(program), told))

    return set_to


def test_nothing_is_known(answers: Any, capsys: pytest.CaptureFixture[str]) -> None:
    answers()
    assert main(["audit"]) == 0
    assert "audit: no known weakness of " in capsys.readouterr().err


def test_a_weakness_fails_and_names_the_version_that_mends_it(answers: Any, capsys: pytest.CaptureFixture[str]) -> None:
    answers({"aiohttp": [{"id": "PYSEC-1", "fix_versions": ["9.9"]}]})
    assert main(["audit", "--json"]) == 4
    told = capsys.readouterr()
    row = json.loads(told.out)
    assert ("aiohttp", "PYSEC-1", "9.9") == (row["distribution"], row["weakness"], row["mended in"])
    assert "known weaknesses: 1; raise the versions in requirements.txt" in told.err


def test_what_is_not_known_there_is_said_and_is_not_clean(answers: Any, capsys: pytest.CaptureFixture[str]) -> None:
    answers(unknown=["aiohttp"])
    assert main(["audit"]) == 0
    told = capsys.readouterr().err
    assert "could not ask about 1 of " in told
    assert "aiohttp was not found" in told


def test_where_nothing_is_known_nothing_is_called_well(answers: Any, capsys: pytest.CaptureFixture[str]) -> None:
    answers(unknown=["*"])
    assert main(["audit"]) == 0
    assert "no known weakness" not in capsys.readouterr().err


def test_without_a_network_it_says_so_and_fails_nothing(answers: Any, capsys: pytest.CaptureFixture[str]) -> None:
    answers(said="ConnectionError: no such host")
    assert main(["audit"]) == 0
    told = capsys.readouterr().err
    assert "could not ask about " in told
    assert "no such host" in told


def test_a_service_that_never_answers_is_given_up(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(audit, "PROGRAM", (sys.executable, "-c", "import time; time.sleep(60)"))
    monkeypatch.setattr(audit, "LIFETIME", 0.2)
    assert main(["audit"]) == 0
    assert "no answer for 0.2 seconds" in capsys.readouterr().err
