"""The emulators are a distribution of their own, which nothing installs here: what it asks for has to be here too."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent.parent
PROJECT = tomllib.loads((ROOT / "emulators" / "pyproject.toml").read_text(encoding="utf-8"))["project"]
ASKED_FOR = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["test"]]


def pinned() -> Iterator[Requirement]:
    for name in ("requirements.txt", "requirements-otlp.txt", "requirements-dev.txt"):
        for line in (ROOT / name).read_text(encoding="utf-8").splitlines():
            if re.match(r"[a-z]", line):
                yield Requirement(line)


@pytest.mark.parametrize("text", ASKED_FOR)
def test_what_they_ask_for_is_installed_here_in_a_version_that_they_take(text: str) -> None:
    asked = Requirement(text)
    versions = [
        next(iter(each.specifier)).version
        for each in pinned()
        if (each.name, str(each.marker)) == (asked.name, str(asked.marker))
    ]
    assert [True] == [asked.specifier.contains(version) for version in versions], versions
