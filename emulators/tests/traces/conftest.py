"""A receiver in the process, and a client of it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from emulators.traces.server import TracesServer


@pytest.fixture
async def server() -> AsyncIterator[TracesServer]:
    async with TracesServer.start() as started:
        yield started


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as opened:
        yield opened
