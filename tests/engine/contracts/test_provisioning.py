"""Provisioning, judged by the official SDK on the local Cosmos DB."""

from collections.abc import AsyncIterator

import pytest
from azure.cosmos import PartitionKey
from azure.cosmos.aio import CosmosClient

from emulators.cosmos.server import CosmosServer
from engine.errors import Unavailable, UnsuitableAccount
from engine.settings import CosmosConnection
from engine.storing.containers import EVENTS, Container, Provisioned
from engine.storing.cosmos_account import open_client, provision, set_throughput
from engine.storing.throughput import parse_throughput
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


async def test_it_updates_a_container_with_unique_keys(client: CosmosClient) -> None:
    """Its SDK would send the definition without them, which Cosmos DB takes for a change that it refuses."""
    bare = Container("events", EVENTS.partition_key, unique_key=EVENTS.unique_key, default_ttl=60)
    await provisioned(client, (bare,))
    assert "updated" == (await provisioned(client))["events"]
    found = await client.get_database_client("guests").get_container_client("events").read()
    assert EVENTS.indexing_policy["includedPaths"] == found["indexingPolicy"]["includedPaths"]
    assert [{"paths": [EVENTS.unique_key]}] == found["uniqueKeyPolicy"]["uniqueKeys"]
    assert "defaultTtl" not in found


async def test_a_container_that_fails_keeps_no_other_from_being_provisioned(client: CosmosClient) -> None:
    database = await client.create_database_if_not_exists("guests")
    await database.create_container("events", PartitionKey(path="/id"))
    done: list[Provisioned] = []
    with pytest.raises(UnsuitableAccount, match="container events exists"):
        await provision(client, "guests", CONTAINERS, done.append)
    assert [each.name for each in CONTAINERS if each.name != "events"] == [each.container for each in done]


@pytest.mark.parametrize(("first", "then"), [("manual:400", "manual:1000"), ("autoscale:1000", "autoscale:4000")])
async def test_the_throughput_that_is_asked_for_is_set(client: CosmosClient, first: str, then: str) -> None:
    asked, more = parse_throughput(first), parse_throughput(then)
    assert asked == await set_throughput(client, "guests", asked)
    assert asked == await set_throughput(client, "guests", more)
    assert more == await set_throughput(client, "guests", None)


async def test_throughput_of_another_kind_is_told_how_to_come_by(client: CosmosClient) -> None:
    await set_throughput(client, "guests", parse_throughput("manual:400"))
    with pytest.raises(UnsuitableAccount, match="database guests has manual:400; autoscale:4000 can be set when"):
        await set_throughput(client, "guests", parse_throughput("autoscale:4000"))


async def test_a_database_without_throughput_is_left_without(client: CosmosClient) -> None:
    await provisioned(client)
    assert await set_throughput(client, "guests", None) is None
    with pytest.raises(UnsuitableAccount, match="no throughput of its own"):
        await set_throughput(client, "guests", parse_throughput("manual:400"))


async def test_it_refuses_a_container_that_can_never_become_ours(client: CosmosClient) -> None:
    database = await client.create_database_if_not_exists("guests")
    await database.create_container("events", PartitionKey(path="/id"))
    with pytest.raises(UnsuitableAccount, match="container events exists with another partition key"):
        await provisioned(client)


async def test_a_wrong_key_is_told_in_words(server: CosmosServer) -> None:
    with pytest.raises(Unavailable, match="does not let us in"):
        async with open_client(CosmosConnection(server.url, "d3Jvbmc=")):
            pass
