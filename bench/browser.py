"""Finds the browser that this machine has, and starts it."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from playwright.async_api import Browser, async_playwright

_NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "chrome")

MISSING: Final = (
    "there is no browser: put Chromium or Chrome on the PATH, as `apt-get install chromium` does, or name its file in "
    "CHROMIUM"
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


class BrowserMissing(Exception):
    """The machine has none; the message says how to have one."""


def found() -> str:
    """Returns the file of a browser; one that CHROMIUM names is taken as it is. Raises BrowserMissing."""
    file = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), None)
    if file is None:
        raise BrowserMissing(MISSING)
    return file


@asynccontextmanager
async def started() -> AsyncIterator[Browser]:
    """For the length of a block. Raises BrowserMissing."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=found(), args=[*_ARGUMENTS])
        try:
            yield browser
        finally:
            await browser.close()
