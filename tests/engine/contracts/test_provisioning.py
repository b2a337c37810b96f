"""Provisioning, judged by the official SDK on the local Cosmos DB."""

from collections.abc import AsyncIterator

import pytest
from azure.cosmos import PartitionKey
from azure.cosmos.aio import CosmosClient

from emulators.cosmos.server import CosmosServer
from engine.errors import Unavailable, UnsuitableAccount
from engine.settings import CosmosConnection
from engine.storing.containers import Container, Provisioned
from engine.storing.cosmos_account import open_client, provision
from tests.engine.contracts.connections import CONTAINERS, cosmos


@pytest.fixture
async def server() -> AsyncIterator[CosmosServer]:
    async with CosmosServer.start(port=0) as server:
        yield server


@pytest.fixture
async def client(server: CosmosServer) -> AsyncIterator[CosmosClient]:
    async with open_client(cosmos(server.connection_string)) as client:
        yield client


async def provisioned(client: CosmosClient, definitions: tuple[Container, ...] = CONTAINERS) -> dict[str, str]:
    done: list[Provisioned] = []
    await provision(client, "guests", definitions, done.append)
    return {each.container: each.outcome for each in done}


async def test_it_creates_what_is_missing_and_then_leaves_it_alone(client: CosmosClient) -> None:
    names = [each.name for each in CONTAINERS]
    assert dict.fromkeys(names, "created") == await provisioned(client)
    assert dict.fromkeys(names, "unchanged") == await provisioned(client)


async def test_a_container_is_what_its_definition_says(client: CosmosClient) -> None:
    await provisioned(client)
    for definition in CONTAINERS:
        found = await client.get_database_client("guests").get_container_client(definition.name).read()
        assert [definition.partition_key] == found["partitionKey"]["paths"]
        assert definition.indexing_policy["includedPaths"] == found["indexingPolicy"]["includedPaths"]
        assert definition.default_ttl == found.get("defaultTtl")
        unique = [] if definition.unique_key is None else [{"paths": [definition.unique_key]}]
        assert unique == found["uniqueKeyPolicy"]["uniqueKeys"]


async def test_it_updates_what_may_change(client: CosmosClient) -> None:
    await provisioned(client, (Container("house-guests", "/houseId"),))
    assert "updated" == (await provisioned(client))["house-guests"]
    assert "unchanged" == (await provisioned(client))["house-guests"]


async def test_it_refuses_a_container_that_can_never_become_ours(client: CosmosClient) -> None:
    database = await client.create_database_if_not_exists("guests")
    await database.create_container("events", PartitionKey(path="/id"))
    with pytest.raises(UnsuitableAccount, match="container events exists with another partition key"):
        await provisioned(client)


async def test_a_wrong_key_is_told_in_words(server: CosmosServer) -> None:
    with pytest.raises(Unavailable, match="does not let us in"):
        async with open_client(CosmosConnection(server.url, "d3Jvbmc=")):
            pass
