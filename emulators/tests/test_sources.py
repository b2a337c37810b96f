"""How the sources are written: imports without circles, one style of docstrings."""

import ast
from pathlib import Path

import pytest

from emulators.tests.sources import PACKAGE, badly_written, circles, modules

MODULES = modules(PACKAGE)


def test_no_module_imports_one_that_imports_it_back() -> None:
    assert [] == circles(MODULES)


def test_a_circle_is_found_wherever_the_import_stands(tmp_path: Path) -> None:
    package = tmp_path / "some"
    package.mkdir()
    for name, text in {
        "__init__": "",
        "a": "from some import b",
        "b": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from some.c import x",
        "c": "def x():\n    import some.a",
        "d": "import some.a",
    }.items():
        (package / f"{name}.py").write_text(text)
    assert [["some.a", "some.b", "some.c"]] == circles(modules(package))


def test_docstrings_are_markdown_and_begin_behind_their_quotes() -> None:
    assert [] == [place for file in MODULES.values() for place in badly_written(file)]


@pytest.mark.parametrize("text", ['"""\nText."""', '"""A ``name``."""', 'class A:\n    """A :class:`B`."""'])
def test_a_docstring_of_another_style_is_found(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.py").write_text(text)
    assert 1 == len(badly_written(tmp_path / "a.py"))


def test_a_package_file_holds_a_docstring_at_most() -> None:
    for file in MODULES.values():
        if file.name == "__init__.py":
            assert {ast.Expr} >= {type(node) for node in ast.parse(file.read_text(encoding="utf-8")).body}, file
