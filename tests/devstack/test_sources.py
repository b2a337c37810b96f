"""How devstack is written: as the emulators are."""

from pathlib import Path

from emulators.tests.sources import badly_written, circles, modules

MODULES = modules(Path(__file__).parents[2] / "devstack")


def test_no_module_imports_one_that_imports_it_back() -> None:
    assert [] == circles(MODULES)


def test_docstrings_are_markdown_and_begin_behind_their_quotes() -> None:
    assert [] == [place for file in MODULES.values() for place in badly_written(file)]
