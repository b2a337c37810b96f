"""One browser for all of these tests, a service and a visit for each. Without a browser they are skipped, or fail in CI."""

import os
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.browser import chromium
from tests.browser.service import CannedService, serving
from tests.browser.visits import Visit, visiting


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    file = chromium.found()
    if file is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(chromium.MISSING)
    async with chromium.started(file) as started:
        yield started


@pytest_asyncio.fixture(loop_scope="session")
async def service() -> AsyncIterator[CannedService]:
    async with serving(CannedService()) as served:
        yield served


@pytest_asyncio.fixture(loop_scope="session")
async def visit(browser: Browser, service: CannedService) -> AsyncIterator[Visit]:
    async with visiting(browser, service) as visit:
        yield visit
