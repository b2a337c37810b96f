"""The account, databases, containers, partition key ranges and offers."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from azure.cosmos import PartitionKey, ThroughputProperties
from azure.cosmos.aio import ContainerProxy, CosmosClient, DatabaseProxy
from azure.cosmos.exceptions import CosmosHttpResponseError, CosmosResourceExistsError, CosmosResourceNotFoundError

from emulators.cosmos.server import CosmosServer
from emulators.tests.cosmos.raw import RawClient


@pytest.mark.verified("sdk", feature="Databases: create, read, list, query, delete")
async def test_a_database_is_created_found_and_deleted(client: CosmosClient) -> None:
    await client.create_database_if_not_exists("shop")
    again = await client.create_database_if_not_exists("shop")

    assert "shop" == (await again.read())["id"]
    assert ["shop"] == [database["id"] async for database in client.list_databases()]
    found = client.query_databases("SELECT * FROM r WHERE r.id = @id", parameters=[{"name": "@id", "value": "shop"}])
    assert ["shop"] == [database["id"] async for database in found]
    with pytest.raises(CosmosResourceExistsError):
        await client.create_database("shop")

    await client.delete_database("shop")

    with pytest.raises(CosmosResourceNotFoundError):
        await again.read()


@pytest.mark.verified("sdk", feature="Containers: create, read, list, query, replace, delete")
async def test_a_container_is_created_found_replaced_and_deleted(database: DatabaseProxy) -> None:
    await database.create_container_if_not_exists("items", PartitionKey("/pk"))
    container = await database.create_container_if_not_exists("items", PartitionKey("/pk"))

    assert {"paths": ["/pk"], "kind": "Hash", "version": 2} == (await container.read())["partitionKey"]
    assert ["items"] == [one["id"] async for one in database.list_containers()]
    assert ["items"] == [one["id"] async for one in database.query_containers("SELECT * FROM c WHERE c.id = 'items'")]

    await database.replace_container(container, PartitionKey("/pk"), default_ttl=60)

    assert 60 == (await container.read())["defaultTtl"]
    await database.delete_container("items")
    with pytest.raises(CosmosResourceNotFoundError):
        await container.read()


@pytest.mark.verified("sdk", feature="Containers: policies are stored and given back")
async def test_policies_of_a_container_are_given_back_as_they_were_set(database: DatabaseProxy) -> None:
    indexing: Any = {
        "indexingMode": "consistent",
        "automatic": True,
        "includedPaths": [{"path": "/name/?"}],
        "excludedPaths": [{"path": "/*"}],
        "compositeIndexes": [[{"path": "/a", "order": "ascending"}, {"path": "/b", "order": "descending"}]],
    }
    unique: Any = {"uniqueKeys": [{"paths": ["/email"]}]}

    container = await database.create_container(
        "people", PartitionKey("/pk"), indexing_policy=indexing, unique_key_policy=unique, default_ttl=-1
    )

    properties = await container.read()
    assert indexing == properties["indexingPolicy"]
    assert unique == properties["uniqueKeyPolicy"]
    assert -1 == properties["defaultTtl"]


@pytest.mark.verified("docs", feature="Containers: the partition key cannot be changed")
async def test_the_partition_key_of_a_container_cannot_be_changed(
    database: DatabaseProxy, container: ContainerProxy
) -> None:
    with pytest.raises(CosmosHttpResponseError) as refused:
        await database.replace_container(container, PartitionKey("/other"))

    assert 400 == refused.value.status_code


@pytest.mark.verified("docs", feature="Containers: invalid definitions are refused")
@pytest.mark.parametrize(
    "definition",
    [
        {"id": "c"},
        {"partitionKey": {"paths": ["/pk"]}},
        {"id": "a/b", "partitionKey": {"paths": ["/pk"]}},
        {"id": "x" * 256, "partitionKey": {"paths": ["/pk"]}},
        {"id": "c", "partitionKey": {"paths": ["/pk"]}, "defaultTtl": 0},
        {"id": "c", "partitionKey": {"paths": ["/a", "/b"], "kind": "Hash"}},
        {"id": "c", "partitionKey": {"paths": ["pk"]}},
    ],
)
async def test_an_invalid_container_definition_is_refused(raw: RawClient, definition: dict[str, object]) -> None:
    await raw.send("POST", "/dbs", {"id": "shop"})

    assert 400 == (await raw.send("POST", "/dbs/shop/colls", definition)).status


@pytest.mark.verified("docs", feature="Containers: computed properties are refused by name")
async def test_computed_properties_are_refused_by_name(database: DatabaseProxy) -> None:
    computed: Any = [{"name": "lower", "query": "SELECT VALUE LOWER(c.name) FROM c"}]

    with pytest.raises(CosmosHttpResponseError, match="computed properties") as refused:
        await database.create_container("people", PartitionKey("/pk"), computed_properties=computed)

    assert 501 == refused.value.status_code


@pytest.mark.verified("sdk", feature="Containers: a new one under an old name has a new resource id")
async def test_a_client_notices_that_a_container_was_made_anew(
    server: CosmosServer, database: DatabaseProxy, container: ContainerProxy
) -> None:
    await container.create_item({"id": "1", "pk": "a"})
    async with CosmosClient(server.url, server.key) as other:
        await other.get_database_client("shop").delete_container("items")
        await other.get_database_client("shop").create_container("items", PartitionKey("/pk"))

    await container.create_item({"id": "2", "pk": "a"})

    assert [(400, 1024), (201, 0)] == [(r.status, r.substatus) for r in server.requests.of("create")][-2:]


@pytest.mark.verified("sdk", feature="Offers: read and replace throughput, manual and autoscale")
async def test_throughput_is_read_and_replaced(database: DatabaseProxy) -> None:
    container = await database.create_container("items", PartitionKey("/pk"), offer_throughput=600)

    assert 600 == (await container.get_throughput()).offer_throughput
    await container.replace_throughput(800)
    assert 800 == (await container.get_throughput()).offer_throughput
    with pytest.raises(CosmosHttpResponseError):
        await container.replace_throughput(30)


@pytest.mark.verified("sdk", feature="Offers: read and replace throughput, manual and autoscale")
async def test_autoscale_throughput_is_read_and_replaced(database: DatabaseProxy) -> None:
    container = await database.create_container(
        "items", PartitionKey("/pk"), offer_throughput=ThroughputProperties(auto_scale_max_throughput=4000)
    )

    assert 4000 == (await container.get_throughput()).auto_scale_max_throughput
    await container.replace_throughput(ThroughputProperties(auto_scale_max_throughput=5000))
    assert 5000 == (await container.get_throughput()).auto_scale_max_throughput


@pytest.mark.verified("trace", feature="Partition key ranges: 304 once the etag is known")
async def test_the_partition_map_is_not_modified_for_a_client_that_has_it(raw_container: RawClient) -> None:
    first = await raw_container.send("GET", "/dbs/shop/colls/items/pkranges", None, {"A-IM": "Incremental Feed"})
    again = await raw_container.send(
        "GET", "/dbs/shop/colls/items/pkranges", None, {"If-None-Match": first.headers["etag"]}
    )

    assert [("0", "", "FF")] == [
        (r["id"], r["minInclusive"], r["maxExclusive"]) for r in first.json["PartitionKeyRanges"]
    ]
    assert (304, b"") == (again.status, again.body)


@pytest.mark.verified("trace", feature="Account: clients are sent to the address they came by")
async def test_the_account_names_the_address_of_the_request(raw: RawClient, server: CosmosServer) -> None:
    account = (await raw.send("GET", "/", headers={"Host": "cosmos.local:1234"})).json

    assert "http://cosmos.local:1234/" == account["writableLocations"][0]["databaseAccountEndpoint"]
    assert "Session" == account["userConsistencyPolicy"]["defaultConsistencyLevel"]
    assert "{}" != account["queryEngineConfiguration"]


@pytest.mark.verified("trace", feature="Resource ids: container bit, document nibble")
async def test_resource_ids_follow_the_rules_of_the_dotnet_sdk(raw_container: RawClient) -> None:
    container = (await raw_container.send("GET", "/dbs/shop/colls/items")).json
    item = (await raw_container.create({"id": "1", "pk": "a"})).json
    ranges = (await raw_container.send("GET", "/dbs/shop/colls/items/pkranges")).json["PartitionKeyRanges"]
    decoded = {
        name: base64.b64decode(rid)
        for name, rid in {"container": container["_rid"], "item": item["_rid"], "range": ranges[0]["_rid"]}.items()
    }

    assert (8, 0x80) == (len(decoded["container"]), decoded["container"][4] & 0x80)
    assert (16, 0x00) == (len(decoded["item"]), decoded["item"][15] & 0xF0)
    assert (16, 0x50) == (len(decoded["range"]), decoded["range"][15] & 0xF0)
    assert decoded["item"].startswith(decoded["container"])


@pytest.mark.verified("docs", feature="Unsupported resource types are refused by name")
@pytest.mark.parametrize(
    "path", ["/dbs/shop/colls/items/sprocs", "/dbs/shop/users", "/dbs/shop/colls/items/triggers/t"]
)
async def test_an_unsupported_resource_is_refused_by_name(raw_container: RawClient, path: str) -> None:
    answer = await raw_container.send("GET", path)

    assert 501 == answer.status
    assert path.split("/")[-1 if "users" in path or "sprocs" in path else -2] in answer.json["message"]


@pytest.mark.verified("trace", feature="Missing parents: 404 with substatus 1003")
async def test_an_item_of_a_missing_container_misses_its_owner(raw_container: RawClient) -> None:
    answer = await raw_container.create({"id": "1", "pk": "a"}, path="/dbs/shop/colls/none/docs")

    assert (404, 1003) == (answer.status, answer.substatus)
