"""Expiry of items, with a clock in the test's hand."""

from __future__ import annotations

from typing import Any

import pytest
from azure.cosmos import PartitionKey
from azure.cosmos.aio import ContainerProxy, DatabaseProxy
from azure.cosmos.exceptions import CosmosResourceNotFoundError

from emulators.cosmos.server import CosmosServer
from emulators.tests.cosmos.raw import RawClient

pytestmark = pytest.mark.verified("docs", feature="Time to live")


async def ids(container: ContainerProxy) -> list[str]:
    return [item["id"] async for item in container.query_items("SELECT * FROM c", partition_key="a")]


async def container_with(database: DatabaseProxy, **options: Any) -> ContainerProxy:
    container: ContainerProxy = await database.create_container("expiring", PartitionKey("/pk"), **options)
    return container


async def test_an_expired_item_is_gone_from_reads_queries_and_feed(
    database: DatabaseProxy, server: CosmosServer
) -> None:
    container = await container_with(database, default_ttl=10)
    server.clock.freeze()
    await container.create_item({"id": "1", "pk": "a"})
    await container.create_item({"id": "2", "pk": "a", "ttl": 20})
    await container.create_item({"id": "3", "pk": "a", "ttl": -1})

    server.clock.advance(9)
    assert ["1", "2", "3"] == await ids(container)
    server.clock.advance(1)
    assert ["2", "3"] == await ids(container)
    server.clock.advance(10)
    assert ["3"] == await ids(container)

    with pytest.raises(CosmosResourceNotFoundError):
        await container.read_item("2", "a")
    assert ["3"] == [item["id"] async for item in container.query_items_change_feed(start_time="Beginning")]


async def test_an_expired_id_and_unique_key_are_free_again(database: DatabaseProxy, server: CosmosServer) -> None:
    container = await container_with(
        database, default_ttl=-1, unique_key_policy={"uniqueKeys": [{"paths": ["/email"]}]}
    )
    server.clock.freeze()
    first = await container.create_item({"id": "1", "pk": "a", "email": "x", "ttl": 5})
    server.clock.advance(5)

    second = await container.create_item({"id": "1", "pk": "a", "email": "x"})

    assert first["_rid"] != second["_rid"]


async def test_the_ttl_of_an_item_counts_only_where_the_container_has_one(
    container: ContainerProxy, server: CosmosServer
) -> None:
    server.clock.freeze()
    await container.create_item({"id": "1", "pk": "a", "ttl": 5})
    server.clock.advance(1000)

    assert ["1"] == await ids(container)


async def test_a_write_begins_the_life_of_an_item_anew(database: DatabaseProxy, server: CosmosServer) -> None:
    container = await container_with(database, default_ttl=10)
    server.clock.freeze()
    await container.create_item({"id": "1", "pk": "a"})
    server.clock.advance(9)
    await container.patch_item("1", "a", [{"op": "set", "path": "/n", "value": 1}])
    server.clock.advance(9)

    assert ["1"] == await ids(container)


async def test_a_new_default_holds_for_existing_items(
    database: DatabaseProxy, container: ContainerProxy, server: CosmosServer
) -> None:
    server.clock.freeze()
    await container.create_item({"id": "1", "pk": "a"})
    await container.create_item({"id": "2", "pk": "a", "ttl": 100})
    server.clock.advance(50)

    await database.replace_container(container, PartitionKey("/pk"), default_ttl=10)
    assert ["2"] == await ids(container)
    await database.replace_container(container, PartitionKey("/pk"))
    assert ["1", "2"] == await ids(container)


@pytest.mark.parametrize("ttl", [0, -2, 1.5, "5", 2**31])
async def test_an_invalid_ttl_is_refused(raw_container: RawClient, ttl: object) -> None:
    assert 400 == (await raw_container.create({"id": "1", "pk": "a", "ttl": ttl})).status
