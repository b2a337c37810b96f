"""The synchronous SDK, which speaks over another HTTP library, from another thread."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from azure.cosmos import CosmosClient, PartitionKey
from azure.cosmos.exceptions import CosmosResourceNotFoundError

from devstack.cosmos.server import CosmosServer


def live(url: str, key: str) -> dict[str, Any]:
    with CosmosClient(url, key) as client:
        database = client.create_database_if_not_exists("shop")
        container = database.create_container_if_not_exists("items", PartitionKey("/pk"))
        container.create_item({"id": "1", "pk": "a", "n": 1})
        container.execute_item_batch([("create", ({"id": "2", "pk": "a", "n": 2},)), ("read", ("1",))], "a")
        container.patch_item("1", "a", [{"op": "incr", "path": "/n", "value": 4}])
        seen = {
            "point": container.read_item("1", "a")["n"],
            "partition": list(container.query_items("SELECT VALUE c.n FROM c ORDER BY c.n", partition_key="a")),
            "everywhere": list(
                container.query_items("SELECT VALUE SUM(c.n) FROM c", enable_cross_partition_query=True)
            ),
            "feed": [item["id"] for item in container.query_items_change_feed(start_time="Beginning")],
            "pages": [len(list(page)) for page in container.read_all_items(max_item_count=1).by_page()],
            "throughput": container.get_throughput().offer_throughput,
        }
        container.delete_item("1", "a")
        with pytest.raises(CosmosResourceNotFoundError):
            container.read_item("1", "a")
        return seen


@pytest.mark.verified("sdk", feature="The synchronous Python SDK")
async def test_the_synchronous_sdk_is_served(server: CosmosServer) -> None:
    seen = await asyncio.to_thread(live, server.url, server.key)

    assert {
        "point": 5,
        "partition": [2, 5],
        "everywhere": [7],
        "feed": ["2", "1"],
        "pages": [1, 1],
        "throughput": 400,
    } == seen
