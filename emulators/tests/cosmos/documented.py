"""A script as a stranger writes it after the pages of azure-cosmos: `python documented.py URL KEY`.

It prints what it sees. Run by test_documented.py against a server that was started from the command line.
"""

import sys
from datetime import UTC, datetime, timedelta
from typing import Any

from azure.core import MatchConditions
from azure.cosmos import ContainerProxy, CosmosClient, DatabaseProxy, PartitionKey, ThroughputProperties, exceptions


def create(client: CosmosClient) -> tuple[DatabaseProxy, ContainerProxy]:
    for _ in range(2):
        try:
            database = client.create_database("testDatabase")
        except exceptions.CosmosResourceExistsError:
            database = client.get_database_client("testDatabase")
            print("the database exists")
    for _ in range(2):
        try:
            container = database.create_container(id="products", partition_key=PartitionKey(path="/productName"))
        except exceptions.CosmosResourceExistsError:
            container = database.get_container_client("products")
            print("the container exists")
    print("databases", [each["id"] for each in client.list_databases()])
    print("containers", [each["id"] for each in database.list_containers()])
    print("account", client.get_database_account().ConsistencyPolicy)
    return database, container


def items(container: ContainerProxy) -> None:
    for number in range(1, 10):
        container.upsert_item({"id": f"item{number}", "productName": "Widget", "productModel": f"Model {number}"})
    for item in container.query_items(
        query='SELECT * FROM products p WHERE p.productModel = "Model 2"', enable_cross_partition_query=True
    ):
        container.delete_item(item, partition_key="Widget")
    item = container.read_item("item3", partition_key="Widget")
    item["productModel"] = "Model 3 B"
    response = container.replace_item(
        item=item, body=item, etag=item["_etag"], match_condition=MatchConditions.IfNotModified
    )
    print("replaced", response["productModel"], "etag" in response.get_response_headers())
    try:
        container.replace_item(item, item, etag=item["_etag"], match_condition=MatchConditions.IfNotModified)
    except exceptions.CosmosAccessConditionFailedError as error:
        print("changed by somebody else", error.status_code)
    try:
        container.create_item({"id": "item3", "productName": "Widget"})
    except exceptions.CosmosResourceExistsError as error:
        print("exists", error.status_code)
    print("no response", dict(container.upsert_item({"id": "quiet", "productName": "Silence"}, no_response=True)))
    print("new id", len(container.create_item({"productName": "Nameless"}, enable_automatic_id_generation=True)["id"]))
    try:
        container.read_item("item2", partition_key="Widget")
    except exceptions.CosmosResourceNotFoundError as error:
        print("not found", error.status_code)


def queries(container: ContainerProxy) -> None:
    found = container.query_items(
        query="SELECT p.id FROM products p WHERE p.productModel = @model",
        parameters=[{"name": "@model", "value": "Model 7"}],
        enable_cross_partition_query=True,
    )
    print("by model", list(found))
    found = container.query_items("SELECT VALUE p.id FROM products p ORDER BY p.id DESC", partition_key="Widget")
    print("of a partition", list(found))
    print("count", list(container.query_items("SELECT VALUE COUNT(1) FROM c", enable_cross_partition_query=True)))
    groups = container.query_items(
        "SELECT c.productModel, COUNT(1) AS items FROM c GROUP BY c.productModel", partition_key="Widget"
    )
    print("groups", sum(group["items"] for group in groups))
    try:
        list(container.query_items("SELECT c.id FROM c GROUP BY c.id", enable_cross_partition_query=True))
    except exceptions.CosmosHttpResponseError as error:
        print("groups of all", error.status_code, "does not support" in error.message)
    pages = container.query_items("SELECT * FROM c", partition_key="Widget", max_item_count=3).by_page()
    first = list(next(pages))
    token = pages.continuation_token  # type: ignore[attr-defined]
    rest = container.query_items("SELECT * FROM c", partition_key="Widget", max_item_count=3)
    print("pages", len(first), [len(list(page)) for page in rest.by_page(token)])
    print("all", len(list(container.read_all_items(max_item_count=4))))
    print("many", [item["id"] for item in container.read_items([("item3", "Widget"), ("quiet", "Silence")])])
    charge = container.client_connection.last_response_headers["x-ms-request-charge"]
    print("charged", float(charge) > 0)


def patch(container: ContainerProxy) -> None:
    operations: list[dict[str, Any]] = [
        {"op": "add", "path": "/color", "value": "red"},
        {"op": "replace", "path": "/productModel", "value": "Model 4 B"},
        {"op": "incr", "path": "/count", "value": 5},
        {"op": "move", "from": "/color", "path": "/shade"},
        {"op": "set", "path": "/tags", "value": ["new"]},
        {"op": "add", "path": "/tags/-", "value": "shiny"},
        {"op": "remove", "path": "/productModel"},
    ]
    item = container.patch_item(
        "item4", "Widget", operations, filter_predicate="from p where p.productModel = 'Model 4'"
    )
    print("patched", {name: value for name, value in item.items() if not name.startswith("_")})
    try:
        container.patch_item("item4", "Widget", operations[:1], filter_predicate="from p where p.count > 5")
    except exceptions.CosmosAccessConditionFailedError as error:
        print("not patched", error.status_code)


def batch(container: ContainerProxy) -> None:
    operations: list[Any] = [
        ("create", ({"id": "batch1", "productName": "Widget"},)),
        ("upsert", ({"id": "batch2", "productName": "Widget"},)),
        ("replace", ("item5", {"id": "item5", "productName": "Widget", "big": True})),
        ("read", ("item6",)),
        ("patch", ("item7", [{"op": "add", "path": "/x", "value": 1}]), {"filter_predicate": "from c where c.x = 1"}),
        ("delete", ("item8",)),
    ]
    try:
        container.execute_item_batch(operations, partition_key="Widget")
    except exceptions.CosmosBatchOperationError as error:
        print("batch failed at", error.error_index, [each["statusCode"] for each in error.operation_responses])
    operations[4] = ("patch", ("item7", [{"op": "add", "path": "/x", "value": 1}]))
    print("batch", [each["statusCode"] for each in container.execute_item_batch(operations, partition_key="Widget")])


def change_feed(container: ContainerProxy) -> None:
    everything = container.query_items_change_feed(start_time="Beginning")
    print("changes", len(list(everything)))
    position = container.client_connection.last_response_headers["etag"]
    print("from now", list(container.query_items_change_feed(start_time="Now", mode="LatestVersion")))
    an_hour_ago = datetime.now(UTC) - timedelta(hours=1)
    print("of this hour", len(list(container.query_items_change_feed(start_time=an_hour_ago))))
    container.upsert_item({"id": "late", "productName": "Widget"})
    print("later", [item["id"] for item in container.query_items_change_feed(continuation=position)])
    of_key = container.query_items_change_feed(partition_key="Silence", start_time="Beginning")
    print("of a key", [item["id"] for item in of_key])
    ranges = list(container.read_feed_ranges())
    of_range = container.query_items_change_feed(feed_range=ranges[0], start_time="Beginning")
    print("of a range", len(ranges), len(list(of_range)))
    widget = container.feed_range_from_partition_key("Widget")
    print("within", container.is_feed_range_subset(ranges[0], widget))
    try:
        next(iter(container.query_items_change_feed(mode="AllVersionsAndDeletes")))
    except exceptions.CosmosHttpResponseError as error:
        print("all versions", error.status_code)


def settings(client: CosmosClient, database: DatabaseProxy, container: ContainerProxy) -> None:
    throughput = container.get_throughput().offer_throughput or 0
    container.replace_throughput(throughput + 100)
    print("throughput", throughput, container.get_throughput().offer_throughput)
    autoscale = ThroughputProperties(auto_scale_max_throughput=5000, auto_scale_increment_percent=0)
    shared = client.create_database("shared", offer_throughput=autoscale)
    print("autoscale", shared.get_throughput().auto_scale_max_throughput)
    client.delete_database("shared")
    database.replace_container(container, partition_key=PartitionKey(path="/productName"), default_ttl=600)
    print("default ttl", container.read()["defaultTtl"])
    container.upsert_item({"id": "short", "productName": "Widget", "ttl": 3600})
    print("ttl", container.read_item("short", "Widget")["ttl"])
    keys = PartitionKey(path=["/state", "/city"], kind="MultiHash")
    places = database.create_container("places", keys, unique_key_policy={"uniqueKeys": [{"paths": ["/zip"]}]})
    places.create_item({"id": "1", "state": "CA", "city": "LA", "zip": "9"})
    print("place", places.read_item("1", ["CA", "LA"])["zip"])
    print("of a state", len(list(places.query_items("SELECT * FROM c", partition_key=["CA"]))))
    container.delete_all_items_by_partition_key("Widget")
    print("left", sorted(item["productName"] for item in container.read_all_items()))
    database.delete_container(container)
    client.delete_database(database)
    print("databases", list(client.list_databases()))


def main() -> None:
    with CosmosClient(sys.argv[1], credential=sys.argv[2]) as client:
        database, container = create(client)
        items(container)
        queries(container)
        patch(container)
        batch(container)
        change_feed(container)
        settings(client, database, container)


if __name__ == "__main__":
    main()
