"""Containers that are put back as they were, under clients that have seen more."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from azure.cosmos import PartitionKey
from azure.cosmos.aio import ContainerProxy, CosmosClient, DatabaseProxy
from azure.cosmos.exceptions import CosmosResourceExistsError, CosmosResourceNotFoundError

from emulators.cosmos.server import CosmosServer


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
async def server(data: Path) -> AsyncIterator[CosmosServer]:
    async with CosmosServer.start(data=data) as running:
        yield running


@pytest.fixture
async def database(server: CosmosServer) -> AsyncIterator[DatabaseProxy]:
    async with CosmosClient(server.url, server.key) as client:
        yield await client.create_database("shop")


@pytest.fixture
async def container(database: DatabaseProxy) -> ContainerProxy:
    policy: Any = {"uniqueKeys": [{"paths": ["/name"]}]}
    return await database.create_container("items", PartitionKey("/pk"), unique_key_policy=policy)


async def asked(server: CosmosServer, path: str, **content: Any) -> tuple[int, Any]:
    url = f"{server.url}/_devstack/{path}"
    async with aiohttp.ClientSession() as session, session.post(url, data=json.dumps(content)) as answer:
        return answer.status, await answer.json()


def item(name: str) -> dict[str, str]:
    return {"id": name, "pk": "a", "name": name}


async def names(server: CosmosServer, container: str = "items") -> list[str]:
    """As a client sees them that has seen nothing yet."""
    async with CosmosClient(server.url, server.key) as client:
        items = client.get_database_client("shop").get_container_client(container).read_all_items()
        return sorted([each["id"] async for each in items])


async def test_items_unique_keys_and_positions_are_those_of_before(
    container: ContainerProxy, server: CosmosServer
) -> None:
    kept = await container.create_item(item("kept"))
    assert (200, {}) == await asked(server, "backup", name="before")
    await container.create_item(item("lost"))
    await container.replace_item("kept", {**item("kept"), "name": "changed"})

    assert (200, {"restored": ["items"]}) == await asked(server, "restore", name="before")

    assert ["kept"] == await names(server)
    # The name of what is lost is free, that of what was changed is not.
    await container.create_item({**item("again"), "name": "lost"})
    with pytest.raises(CosmosResourceExistsError):
        await container.create_item({**item("another"), "name": "kept"})
    async with CosmosClient(server.url, server.key) as client:
        feed = (
            client.get_database_client("shop")
            .get_container_client("items")
            .query_items_change_feed(start_time="Beginning")
        )
        assert [("kept", 1, kept["_etag"]), ("again", 2)] == [
            (each["id"], each["_lsn"], each["_etag"])[: 3 if each["id"] == "kept" else 2] async for each in feed
        ]


async def test_who_has_seen_more_is_ahead_of_the_data(container: ContainerProxy, server: CosmosServer) -> None:
    await container.create_item(item("kept"))
    await asked(server, "backup", name="before")
    lost = await container.create_item(item("lost"))
    token = lost.get_response_headers()["x-ms-session-token"]
    await asked(server, "restore", name="before")

    with pytest.raises(CosmosResourceNotFoundError) as ahead:
        await container.read_item("kept", "a", session_token=token)

    assert ahead.value.sub_status == 1002


async def test_some_containers_are_put_back_and_the_others_go_on(
    container: ContainerProxy, database: DatabaseProxy, server: CosmosServer
) -> None:
    other = await database.create_container("views", PartitionKey("/pk"))
    await asked(server, "backup", name="before")
    await container.create_item(item("lost"))
    await other.create_item(item("stays"))

    assert (200, {"restored": ["items"]}) == await asked(server, "restore", name="before", containers=["items"])

    assert ([], ["stays"]) == (await names(server), await names(server, "views"))


async def test_what_was_put_back_is_there_after_a_start(data: Path) -> None:
    async with CosmosServer.start(data=data) as server, CosmosClient(server.url, server.key) as client:
        database = await client.create_database("shop")
        container = await database.create_container("items", PartitionKey("/pk"))
        await container.create_item(item("kept"))
        await asked(server, "backup", name="before")
        await container.create_item(item("lost"))
        await asked(server, "restore", name="before")
    async with CosmosServer.start(data=data) as server, CosmosClient(server.url, server.key) as client:
        assert ["kept"] == await names(server)
        container = client.get_database_client("shop").get_container_client("items")
        await container.create_item(item("later"))


async def test_no_replica_lags_behind_what_was_put_back(data: Path) -> None:
    async with CosmosServer.start(data=data, lag=3) as server, CosmosClient(server.url, server.key) as client:
        database = await client.create_database("shop")
        container = await database.create_container("items", PartitionKey("/pk"))
        await asked(server, "backup", name="empty")
        for name in ("1", "2", "3"):
            await container.create_item(item(name))
        await asked(server, "restore", name="empty")
        assert [[]] * 20 == [await names(server) for _ in range(20)]


async def test_a_split_is_undone(container: ContainerProxy, server: CosmosServer) -> None:
    await container.create_item(item("kept"))
    await asked(server, "backup", name="before")
    server.split("shop", "items")
    await asked(server, "restore", name="before")

    assert ["0"] == [each.id for each in server.account.catalog.container("shop", "items").ranges]
    assert ["kept"] == await names(server)


@pytest.mark.parametrize(
    ("path", "content", "status", "said"),
    [
        ("restore", {"name": "never"}, 404, "there is no backup 'never'"),
        ("backup", {"name": "../elsewhere"}, 400, "is no name of a backup"),
        ("backup", {"name": "there"}, 409, "there is a backup 'there' already"),
        ("restore", {"name": "there", "containers": ["later"]}, 400, "the backup does not have later"),
        ("restore", {"name": "there", "containers": ["never"]}, 400, "the backup does not have never"),
    ],
)
async def test_what_cannot_be_is_refused(
    database: DatabaseProxy, server: CosmosServer, path: str, content: dict[str, Any], status: int, said: str
) -> None:
    await asked(server, "backup", name="there")
    await database.create_container("later", PartitionKey("/pk"))
    answered, why = await asked(server, path, **content)
    assert answered == status
    assert said in why["error"]


async def test_in_memory_there_are_no_backups() -> None:
    async with CosmosServer.start() as server:
        status, why = await asked(server, "backup", name="before")
    assert (400, True) == (status, "--data" in why["error"])
