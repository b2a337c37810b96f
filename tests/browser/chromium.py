"""Finds the browser that this machine has, and starts it. Tests that need one are skipped without, or fail in CI."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import pytest
from playwright.async_api import Browser, async_playwright

_NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "chrome")
_MISSING: Final = (
    "the tests of the dashboard in a browser did not run: put Chromium or Chrome on the PATH, as "
    "`apt-get install chromium` does, or name its file in CHROMIUM"
)

# Nothing of the browser's own reaches other hosts: no updates, no look-ups.
_ARGUMENTS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def found() -> str | None:
    """Returns the file of a browser, or None. One that CHROMIUM names is taken as it is."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), None)


def required() -> str:
    """Returns it for a test, which fails or is skipped where there is none."""
    file = found()
    if file is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(_MISSING)
    return file


@asynccontextmanager
async def started(file: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=file, args=[*_ARGUMENTS])
        try:
            yield browser
        finally:
            await browser.close()
