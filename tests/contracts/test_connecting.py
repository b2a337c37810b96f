"""What a process asks of Cosmos DB before its first invocation: each request is time of a cold start."""

from composition.provisioning import provision_database
from composition.services import build
from emulators.cosmos.server import CosmosServer
from tests.settings import settings_for


async def test_the_account_is_read_once() -> None:
    async with CosmosServer.start() as server:
        settings = settings_for(server.connection_string)
        await provision_database(settings, lambda _: None)
        server.requests.clear()
        async with build(settings):
            assert 1 == len(server.requests)
