"""Imports on first use: off the loop, and undisturbed."""

import gc
import sys
import threading
from pathlib import Path

import pytest

from engine.imports import imported

TELLS = """
import gc, threading
thread, collects = threading.get_ident(), gc.isenabled()
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


async def test_an_import_runs_off_the_loop_without_the_collector_which_then_goes_on(folder: Path) -> None:
    (folder / "imported_off_the_loop.py").write_text(TELLS)
    module = await imported("imported_off_the_loop")
    assert module.thread != threading.get_ident()
    assert not module.collects
    assert gc.isenabled()


async def test_a_failed_import_is_raised_leaves_the_collector_on_and_is_tried_again(folder: Path) -> None:
    file = folder / "imported_again.py"
    file.write_text("raise LookupError('not yet')")
    with pytest.raises(LookupError, match="not yet"):
        await imported("imported_again")
    assert gc.isenabled()
    file.write_text("")
    assert await imported("imported_again") is sys.modules["imported_again"]


async def test_a_collector_that_was_off_stays_off(folder: Path) -> None:
    (folder / "imported_without_collector.py").write_text("")
    gc.disable()
    try:
        await imported("imported_without_collector")
        assert not gc.isenabled()
    finally:
        gc.enable()
