"""One running service with two hosts, for the tests that leave it as they found it."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.e2e.stack import Client, Stack, client_of, running


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running(tmp_path_factory.mktemp("service")) as stack:
        yield stack


@pytest.fixture
async def hosts(stack: Stack) -> AsyncIterator[list[Client]]:
    async with client_of(stack) as client:
        yield await client.hosts()
