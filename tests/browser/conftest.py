"""One browser for all of these tests, a service and a visit for each."""

from collections.abc import AsyncIterator

import pytest_asyncio
from playwright.async_api import Browser

from tests.browser import chromium
from tests.browser.service import CannedService, CannedVisit, serving
from tests.browser.visits import visiting


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def browser() -> AsyncIterator[Browser]:
    async with chromium.started() as started:
        yield started


@pytest_asyncio.fixture(loop_scope="package")
async def service() -> AsyncIterator[CannedService]:
    async with serving(CannedService()) as served:
        yield served


@pytest_asyncio.fixture(loop_scope="package")
async def visit(browser: Browser, service: CannedService) -> AsyncIterator[CannedVisit]:
    async with visiting(browser, service) as visit:
        yield visit
