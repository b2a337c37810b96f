"""What the files of the page may say, and whether what is vendored is as it was published. It takes no browser."""

import hashlib
import json
import re
from pathlib import Path
from typing import Final

import pytest

PAGE: Final = Path(__file__).resolve().parents[2] / "api" / "dashboard" / "page"
VENDORED: Final = json.loads((PAGE / "uPlot.json").read_text(encoding="utf-8"))
OURS: Final = sorted(
    each for each in PAGE.iterdir() if each.suffix in (".js", ".css", ".html") and "uPlot" not in each.name
)
FORBIDDEN: Final = (
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment|DOMParser|srcdoc",
    r"\beval\b|new Function|setTimeout\(\s*[\"'`]",
    r"localStorage|sessionStorage|indexedDB|document\.cookie|caches\.",
    r"setAttribute\(\s*[\"']style",
)


def names(text: str) -> set[str]:
    return set(re.findall(r'byId\(["`]([\w-]+)["`]\)', text))


@pytest.mark.parametrize("file", OURS, ids=lambda file: file.name)
def test_no_file_makes_markup_of_text_or_stores_anything(file: Path) -> None:
    for pattern in FORBIDDEN:
        assert [] == re.findall(pattern, file.read_text(encoding="utf-8")), file.name


@pytest.mark.parametrize("file", OURS, ids=lambda file: file.name)
def test_no_file_names_another_host(file: Path) -> None:
    # The name of a vocabulary is no address that is asked.
    text = file.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
    assert [] == re.findall(r"""(?:https?:)?//[\w-]+\.[\w.-]+|@import""", text)


def test_the_page_has_no_script_and_no_style_of_its_own() -> None:
    html = (PAGE / "index.html").read_text(encoding="utf-8")
    assert [] == re.findall(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|javascript:", html)


def test_the_page_loads_each_file_that_there_is_by_a_name_that_holds_under_any_prefix() -> None:
    """An import is beside its module; the page names the others."""
    html = (PAGE / "index.html").read_text(encoding="utf-8")
    scripts = {each.name: each.read_text(encoding="utf-8") for each in OURS if each.suffix == ".js"}
    loaded = {name for text in scripts.values() for name in re.findall(r'from "\./([\w.-]+)"', text)}
    linked = set(re.findall(r'(?:src|href)="dashboard/files/([\w.-]+)"', html))
    assert {*scripts, "page.css", "uPlot.iife.min.js", "uPlot.min.css"} == loaded | linked
    assert [] == re.findall(r'(?:src|href)="(?!dashboard/files/|data:|#|docs"|/\.auth/)', html)


def test_what_a_module_looks_for_is_in_the_page() -> None:
    html = (PAGE / "index.html").read_text(encoding="utf-8")
    ids = set(re.findall(r'\bid="([\w-]+)"', html))
    looked_for = {name for each in OURS if each.suffix == ".js" for name in names(each.read_text(encoding="utf-8"))}
    assert set() == looked_for - ids
    assert len(looked_for) > 30


@pytest.mark.parametrize("name", VENDORED["files"])
def test_what_is_vendored_is_as_it_was_published(name: str) -> None:
    assert VENDORED["files"][name]["sha256"] == hashlib.sha256((PAGE / name).read_bytes()).hexdigest()


def test_what_is_vendored_is_named_with_its_version_and_licence() -> None:
    assert {each.name for each in PAGE.glob("uPlot*")} == {*VENDORED["files"], "uPlot.json"}
    assert re.fullmatch(r"sha512-[\w+/]{86}==", VENDORED["integrity"])
    assert f"(v{VENDORED['version']})" in (PAGE / "uPlot.iife.min.js").read_text(encoding="utf-8")[:80]
    assert "MIT" == VENDORED["license"]
    assert (PAGE / "uPlot.LICENSE.txt").read_text(encoding="utf-8").startswith("The MIT License (MIT)")
