"""Chromium for a test, which is skipped where there is none, or fails in CI."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser

from bench import browser


@asynccontextmanager
async def started() -> AsyncIterator[Browser]:
    try:
        browser.found()
    except browser.BrowserMissing as missing:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"not run, since {missing}")
    async with browser.started() as chromium:
        yield chromium
