"""Partitions that split on command."""

from __future__ import annotations

from typing import Any

import pytest
from azure.cosmos import PartitionKey
from azure.cosmos.aio import ContainerProxy, DatabaseProxy

from emulators.cosmos.server import CosmosServer
from emulators.tests.cosmos.raw import RawClient, partition_key


async def values(container: ContainerProxy, text: str) -> list[Any]:
    return [value async for value in container.query_items(text)]


async def fill(container: ContainerProxy, keys: int = 8) -> None:
    for number in range(keys):
        await container.create_item({"id": "1", "pk": str(number), "n": number})


@pytest.mark.verified("trace", feature="Splits: the parent is gone (410/1002), its children have parents")
async def test_a_split_range_is_gone_and_names_itself_a_parent(raw_container: RawClient, server: CosmosServer) -> None:
    await raw_container.create({"id": "1", "pk": "a"})
    before = (await raw_container.send("GET", "/dbs/shop/colls/items/pkranges")).headers["etag"]

    assert ("1", "2") == server.split("shop", "items")

    map_ = await raw_container.send("GET", "/dbs/shop/colls/items/pkranges", None, {"If-None-Match": before})
    ranges = map_.json["PartitionKeyRanges"]
    gone = await raw_container.feed(**{"x-ms-documentdb-partitionkeyrangeid": "0"})
    assert [("1", ["0"]), ("2", ["0"])] == [(r["id"], r["parents"]) for r in ranges]
    assert ("", "FF") == (ranges[0]["minInclusive"], ranges[1]["maxExclusive"])
    assert ranges[0]["maxExclusive"] == ranges[1]["minInclusive"]
    assert (410, 1002) == (gone.status, gone.substatus)


@pytest.mark.verified("sdk", feature="Splits: clients go on with the children")
async def test_an_sdk_goes_on_after_a_split(container: ContainerProxy, server: CosmosServer) -> None:
    await fill(container)
    assert 8 == len([item async for item in container.query_items("SELECT * FROM c")])

    server.split("shop", "items")
    server.split("shop", "items", "2")

    await container.upsert_item({"id": "2", "pk": "3"})
    assert "2" == (await container.read_item("2", "3"))["id"]
    assert list(range(8)) == await values(container, "SELECT VALUE c.n FROM c ORDER BY c.n")
    assert [8] == await values(container, "SELECT VALUE COUNT(c.n) FROM c")
    ranges = [feed_range async for feed_range in container.read_feed_ranges()]
    assert 3 == len(ranges)
    parts = [
        {item["pk"] async for item in container.query_items_change_feed(start_time="Beginning", feed_range=part)}
        for part in ranges
    ]
    assert {str(number) for number in range(8)} == set.union(*parts)
    assert 8 == sum(map(len, parts))


@pytest.mark.verified("sdk", feature="Splits: a feed of the parent is continued with its children")
async def test_a_feed_begun_before_a_split_goes_on_after_it(container: ContainerProxy, server: CosmosServer) -> None:
    await fill(container, 8)
    ranges = [feed_range async for feed_range in container.read_feed_ranges()]
    feed = container.query_items_change_feed(start_time="Beginning", feed_range=ranges[0], max_item_count=3)
    pages = feed.by_page()
    seen = [item["pk"] async for item in await anext(pages)]

    server.split("shop", "items")

    rest = container.query_items_change_feed(continuation=pages.continuation_token)  # type: ignore[attr-defined]
    seen += [item["pk"] async for item in rest]
    assert sorted(str(number) for number in range(8)) == sorted(seen)


@pytest.mark.verified("docs", feature="Splits: plans that combine partitions are refused by name")
async def test_a_plan_that_would_combine_partitions_is_refused(raw_container: RawClient, server: CosmosServer) -> None:
    server.split("shop", "items")

    async def plan(text: str, **more: str) -> int:
        return (await raw_container.plan(text, headers=more)).status

    assert 200 == await plan("SELECT * FROM c WHERE c.n > 1")
    assert 501 == await plan("SELECT VALUE COUNT(1) FROM c")
    assert 501 == await plan("SELECT TOP 1 * FROM c")
    assert 200 == await plan("SELECT * FROM c ORDER BY c.n", **partition_key("a"))


@pytest.mark.verified("docs", feature="Splits: also of version 1 keys, and of empty containers")
async def test_an_empty_container_splits(database: DatabaseProxy, server: CosmosServer) -> None:
    await database.create_container("old", PartitionKey("/pk", version=1))

    server.split("shop", "old")
    server.split("shop", "old", "1")

    container = database.get_container_client("old")
    await fill(container)
    assert 8 == len([item async for item in container.query_items("SELECT * FROM c")])
