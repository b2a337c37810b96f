"""Documentation says only what is so: the files that it shows are the files, and its links lead somewhere."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "emulators").glob("*.md")]
SHOWN = re.compile(r"<!-- file: (\S+) -->\n```python\n(.*?)```", re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\((?!https?:)([^)#]+)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_a_file_that_is_shown_is_the_file(page: Path) -> None:
    for name, text in SHOWN.findall(page.read_text(encoding="utf-8")):
        assert (ROOT / name).read_text(encoding="utf-8") == text, name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_a_link_leads_somewhere(page: Path) -> None:
    links = LINK.findall(page.read_text(encoding="utf-8"))
    assert [] == [link for link in links if not (page.parent / link).exists()]


def test_a_file_that_is_named_exists() -> None:
    """In running text, a path in backticks is a file or a folder of the project."""
    packages = "domain|projections|api|demo|engine|composition|operate|devstack|emulators|tests|docs"
    named = re.compile(rf"`((?:{packages})/[\w./]+)`")
    for page in PAGES:
        for name in named.findall(page.read_text(encoding="utf-8")):
            assert (ROOT / name).exists(), f"{page.name} names {name}"


def test_every_decision_is_in_the_index() -> None:
    folder = ROOT / "docs" / "adr"
    index = (folder / "README.md").read_text(encoding="utf-8")
    records = sorted(folder.glob("[0-9]*.md"))
    assert [] == [record.name for record in records if f"({record.name})" not in index]
    assert [] == [record.name for record in records if "§" not in record.read_text(encoding="utf-8").splitlines()[0]]


def test_every_setting_is_explained_and_has_an_example() -> None:
    explained = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    source = (ROOT / "composition" / "settings.py").read_text(encoding="utf-8")
    example = (ROOT / "local.settings.json.example").read_text(encoding="utf-8")
    for name in set(re.findall(r'"([A-Z]+(?:_[A-Z]+)*)"', source)):
        assert f"`{name}`" in explained, name
        assert f'"{name}"' in example, name


def test_every_value_of_the_host_is_explained() -> None:
    explained = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    for name in ("functionTimeout", "Azure.Core", "samplingSettings", "extensionBundle", "maxConcurrentRequests",
                 "maxOutstandingRequests", "userAgentSuffix"):  # fmt: skip
        assert name in explained, name


def test_every_guarantee_names_tests_that_exist() -> None:
    page = (ROOT / "docs" / "guarantees.md").read_text(encoding="utf-8")
    tests = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "tests").rglob("test_*.py"))
    for name in re.findall(r"`((?:Test|test_)[\w.]+)`", page):
        for part in name.split("."):
            assert re.search(rf"(?:class|def) {part}\b", tests), name
