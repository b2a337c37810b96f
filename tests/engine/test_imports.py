"""Imports on first use: off the loop, and undisturbed."""

import asyncio
import gc
import importlib
import sys
import threading
from pathlib import Path
from types import ModuleType

import pytest

from engine.imports import OnFirstUse, imported

TELLS = """
import gc, threading
thread, collects = threading.get_ident(), gc.isenabled()
"""


def importing(name: str) -> OnFirstUse[ModuleType]:
    return imported(lambda: importlib.import_module(name))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


async def test_an_import_runs_off_the_loop_without_the_collector_which_then_goes_on(folder: Path) -> None:
    (folder / "imported_off_the_loop.py").write_text(TELLS)
    module = await importing("imported_off_the_loop").get()
    assert module.thread != threading.get_ident()
    assert not module.collects
    assert gc.isenabled()


async def test_a_failed_import_is_raised_leaves_the_collector_on_and_is_tried_again(folder: Path) -> None:
    file = folder / "imported_again.py"
    file.write_text("raise LookupError('not yet')")
    again = importing("imported_again")
    with pytest.raises(LookupError, match="not yet"):
        await again.get()
    assert gc.isenabled()
    file.write_text("")
    assert await again.get() is sys.modules["imported_again"]


async def test_a_collector_that_was_off_stays_off(folder: Path) -> None:
    (folder / "imported_without_collector.py").write_text("")
    gc.disable()
    try:
        await importing("imported_without_collector").get()
        assert not gc.isenabled()
    finally:
        gc.enable()


async def test_all_that_ask_at_once_share_one_attempt_and_its_failure() -> None:
    made: list[object] = []

    async def make() -> object:
        made.append(object())
        await asyncio.sleep(0)
        if len(made) == 1:
            raise LookupError("not yet")
        return made[-1]

    once = OnFirstUse(make)
    failures = await asyncio.gather(*(once.get() for _ in range(3)), return_exceptions=True)
    assert ["not yet"] * 3 == [str(each) for each in failures]
    first, second = await asyncio.gather(once.get(), once.get())
    assert first is second is await once.get()
    assert 2 == len(made)


async def test_one_that_no_longer_waits_leaves_the_attempt_to_the_others() -> None:
    go_on = asyncio.Event()

    async def make() -> str:
        await go_on.wait()
        return "made"

    once = OnFirstUse(make)
    leaving, staying = asyncio.create_task(once.get()), asyncio.create_task(once.get())
    await asyncio.sleep(0)
    leaving.cancel()
    await asyncio.wait([leaving])
    go_on.set()
    assert (True, "made") == (leaving.cancelled(), await staying)
