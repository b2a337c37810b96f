"""Request charges: the points that the model is fitted to."""

from __future__ import annotations

from typing import Any

import pytest
from azure.cosmos import PartitionKey
from azure.cosmos.aio import ContainerProxy, DatabaseProxy

from emulators.cosmos import charges
from emulators.cosmos.server import CosmosServer

pytestmark = pytest.mark.verified("docs", feature="Request charges: a model fitted to published figures")

KB = 1024


@pytest.mark.parametrize(
    ("charge", "published"),
    [
        (charges.read(KB), 1),
        (charges.read(100 * KB), 10),
        (charges.create(200, 3), 6.29),
        (charges.create(200, 4), 6.67),
        (charges.create(100 * KB, 0), 50),
        (charges.query(0, 0), 2.8),
        (charges.query(4 * KB * KB, 0), 109),
    ],
)
def test_the_model_meets_published_figures(charge: float, published: float) -> None:
    assert charge == pytest.approx(published, rel=0.03)


def test_a_replacement_costs_about_two_insertions() -> None:
    assert 1.6 < charges.replace(500, 3, 500, 3) / charges.create(500, 3) < 2.2


async def test_only_indexed_values_are_charged(database: DatabaseProxy, server: CosmosServer) -> None:
    item = {"id": "1", "pk": "a", "n": 1, "list": [1, 2, {"x": 3}], "deep": {"y": 4}}
    few: Any = {"includedPaths": [{"path": "/n/?"}], "excludedPaths": [{"path": "/*"}]}
    inner: Any = {"includedPaths": [{"path": "/list/[]/?"}, {"path": "/deep/*"}], "excludedPaths": [{"path": "/*"}]}
    none: Any = {"indexingMode": "none", "automatic": False}
    for number, policy in enumerate((None, few, inner, none)):
        container = await database.create_container(str(number), PartitionKey("/pk"), indexing_policy=policy)
        await container.create_item(item)

    indexed = [round((record.charge - 5.15) / 0.38) for record in server.requests.of("create")]

    # id, pk, n, three in the list and y; id and n; id, two numbers in the list and y; nothing
    assert [7, 2, 4, 0] == indexed


async def test_a_filter_without_an_index_is_charged_by_the_items_it_looks_at(
    database: DatabaseProxy, server: CosmosServer
) -> None:
    few: Any = {"includedPaths": [{"path": "/n/?"}], "excludedPaths": [{"path": "/*"}]}
    container = await database.create_container("c", PartitionKey("/pk"), indexing_policy=few)
    for number in range(50):
        await container.create_item({"id": str(number), "pk": "a", "n": number, "m": number})

    for path in ("n", "m"):
        assert [] == [i async for i in container.query_items(f"SELECT * FROM c WHERE c.{path} < 0", partition_key="a")]

    with_index, without = [record.charge for record in server.requests.of("query")]
    assert (2.8, 4.8) == (with_index, without)


async def test_the_sdk_reads_the_charge(container: ContainerProxy) -> None:
    await container.create_item({"id": "1", "pk": "a", "n": 1})

    assert "6.29" == container.client_connection.last_response_headers["x-ms-request-charge"]
