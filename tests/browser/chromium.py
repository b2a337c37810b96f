"""Finds the browser that this machine has, and starts it."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from playwright.async_api import Browser, async_playwright

NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "chrome")
MISSING: Final = (
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
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


@asynccontextmanager
async def started(file: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=file, args=[*_ARGUMENTS])
        try:
            yield browser
        finally:
            await browser.close()
