"""Single items: creating, reading, replacing and deleting them, and the rules that refuse it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from azure.core import MatchConditions
from azure.cosmos import PartitionKey
from azure.cosmos.aio import ContainerProxy, DatabaseProxy
from azure.cosmos.exceptions import (
    CosmosAccessConditionFailedError,
    CosmosHttpResponseError,
    CosmosResourceExistsError,
    CosmosResourceNotFoundError,
)

from emulators.cosmos.server import CosmosServer
from emulators.tests.cosmos.raw import ITEMS, RawClient, partition_key


@pytest.mark.verified("sdk", feature="Items: create, read, replace, upsert, delete")
async def test_an_item_lives_from_its_creation_to_its_deletion(container: ContainerProxy, server: CosmosServer) -> None:
    await container.create_item({"id": "1", "pk": "a", "n": 1})
    assert 1 == (await container.read_item("1", "a"))["n"]
    await container.replace_item("1", {"id": "1", "pk": "a", "n": 2})
    assert 2 == (await container.read_item("1", "a"))["n"]
    await container.upsert_item({"id": "1", "pk": "a", "n": 3})
    await container.upsert_item({"id": "2", "pk": "a", "n": 4})
    assert (3, 4) == tuple([(await container.read_item(i, "a"))["n"] for i in ("1", "2")])
    await container.delete_item("1", "a")

    with pytest.raises(CosmosResourceNotFoundError):
        await container.read_item("1", "a")
    assert [200, 201] == [record.status for record in server.requests.of("upsert")]


@pytest.mark.verified("sdk", feature="Items: found by their links, as the SDK follows them")
async def test_an_item_that_was_read_stands_for_itself(container: ContainerProxy) -> None:
    item = await container.create_item({"id": "1", "pk": "a"})

    assert "1" == (await container.read_item(item, "a"))["id"]
    item = await container.replace_item(item, {**item, "n": 1})
    assert 2 == (await container.patch_item(item, "a", [{"op": "incr", "path": "/n", "value": 1}]))["n"]
    with pytest.raises(CosmosResourceNotFoundError):
        await container.delete_item(item, "b")
    await container.delete_item(item, "a")
    with pytest.raises(CosmosResourceNotFoundError):
        await container.read_item(item, "a")


@pytest.mark.verified("sdk", feature="Items: an id is unique within its partition key")
async def test_an_id_is_unique_within_its_partition_key(container: ContainerProxy) -> None:
    await container.create_item({"id": "1", "pk": "a"})
    await container.create_item({"id": "1", "pk": "b"})

    with pytest.raises(CosmosResourceExistsError):
        await container.create_item({"id": "1", "pk": "a"})


@pytest.mark.verified("docs", feature="Items: properties keep their order")
async def test_properties_keep_the_order_in_which_they_were_written(container: ContainerProxy) -> None:
    item = {"z": 1, "id": "1", "pk": "a", "b": {"y": 1, "x": 2}, "a": [3, 1]}

    created = await container.create_item(item)

    assert ["z", "id", "pk", "b", "a", "_rid", "_self", "_etag", "_attachments", "_ts"] == list(created)
    assert ["y", "x"] == list((await container.read_item("1", "a"))["b"])


@pytest.mark.verified("sdk", feature="Items: text of any script, numbers, nulls and nesting come back unchanged")
async def test_values_come_back_as_they_were_written(container: ContainerProxy) -> None:
    value = {"text": 'é€😀\u2028"\\/', "float": 1.5, "big": 2**53, "null": None, "deep": [[{"x": [True, False]}]]}

    await container.create_item({"id": "ü 1+=&;:@%'é", "pk": "ключ", "value": value})

    assert value == (await container.read_item("ü 1+=&;:@%'é", "ключ"))["value"]


@pytest.mark.verified("sdk", feature="Items: system properties are the server's")
async def test_system_properties_sent_by_a_client_are_overwritten(container: ContainerProxy) -> None:
    created = await container.create_item({"id": "1", "pk": "a", "_rid": "x", "_etag": "y", "_ts": 5, "_lsn": 7})

    assert "x" != created["_rid"]
    assert "y" != created["_etag"]
    assert 5 != created["_ts"]
    assert "_lsn" not in created


@pytest.mark.verified("sdk", feature="Items: If-Match")
async def test_a_change_with_an_old_etag_is_refused(container: ContainerProxy) -> None:
    old = await container.create_item({"id": "1", "pk": "a"})
    new = await container.replace_item("1", {"id": "1", "pk": "a", "n": 1})

    for etag in (old["_etag"],):
        condition = {"etag": etag, "match_condition": MatchConditions.IfNotModified}
        with pytest.raises(CosmosAccessConditionFailedError):
            await container.replace_item("1", {"id": "1", "pk": "a"}, **condition)
        with pytest.raises(CosmosAccessConditionFailedError):
            await container.upsert_item({"id": "1", "pk": "a"}, **condition)
        with pytest.raises(CosmosAccessConditionFailedError):
            await container.delete_item("1", "a", **condition)
    await container.delete_item("1", "a", etag=new["_etag"], match_condition=MatchConditions.IfNotModified)


@pytest.mark.verified("trace", feature="Items: If-None-Match answers 304 for 1 RU")
async def test_an_item_that_was_not_modified_is_not_sent_again(raw_container: RawClient) -> None:
    etag = (await raw_container.create({"id": "1", "pk": "a"})).headers["etag"]

    answer = await raw_container.send("GET", f"{ITEMS}/1", None, {**partition_key("a"), "If-None-Match": etag})

    assert (304, b"", "1", etag) == (
        answer.status,
        answer.body,
        answer.headers["x-ms-request-charge"],
        answer.headers["etag"],
    )


@pytest.mark.verified("sdk", feature="Items: Prefer return=minimal")
async def test_a_minimal_answer_has_an_etag_and_no_body(container: ContainerProxy) -> None:
    response = await container.create_item({"id": "1", "pk": "a"}, no_response=True)

    assert {} == dict(response)
    headers = response.get_response_headers()
    assert (await container.read_item("1", "a"))["_etag"] == headers["etag"]


@pytest.mark.verified("docs", feature="Items: ids")
@pytest.mark.parametrize("item_id", ["a/b", "a\\b", "a?b", "a#b", "", "x" * 1024, 5, None])
async def test_an_invalid_id_is_refused(raw_container: RawClient, item_id: object) -> None:
    assert 400 == (await raw_container.create({"id": item_id, "pk": "a"})).status


@pytest.mark.verified("docs", feature="Items: ids")
async def test_an_id_may_have_1023_bytes(raw_container: RawClient) -> None:
    assert 201 == (await raw_container.create({"id": "é" * 511 + "x", "pk": "a"})).status
    assert 400 == (await raw_container.create({"id": "é" * 512, "pk": "a"})).status


@pytest.mark.verified("docs", feature="Items: an item without an id is refused")
async def test_an_item_without_an_id_is_refused(raw_container: RawClient) -> None:
    answer = await raw_container.create({"pk": "a"})

    assert 400 == answer.status
    assert "'id; ' - are missing" in answer.json["message"]


@pytest.mark.verified("docs", feature="Items: at most 2 MB")
@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
async def test_an_item_beyond_two_megabytes_is_refused(container: ContainerProxy) -> None:
    await container.create_item({"id": "1", "pk": "a", "text": "x" * (2 * 1024 * 1024 - 100)})

    with pytest.raises(CosmosHttpResponseError) as refused:
        await container.create_item({"id": "2", "pk": "a", "text": "x" * (2 * 1024 * 1024)})
    assert 413 == refused.value.status_code


@pytest.mark.verified("docs", feature="Items: what is not a JSON object is refused")
@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"id":"1","pk":"a","n":NaN}', b'{"id":"1","pk":"a","t":"\\ud800"}']
)
async def test_a_body_that_is_no_json_object_is_refused(raw_container: RawClient, body: bytes) -> None:
    assert 400 == (await raw_container.send("POST", ITEMS, body, partition_key("a"))).status


@pytest.mark.verified("docs", feature="Items: at most 128 levels deep")
async def test_an_item_nested_too_deeply_is_refused(raw_container: RawClient) -> None:
    def nested(levels: int) -> dict[str, object]:
        value: object = 1
        for _ in range(levels - 1):
            value = [value]
        return {"id": str(levels), "pk": "a", "value": value}

    assert 201 == (await raw_container.create(nested(128))).status
    assert 400 == (await raw_container.create(nested(129))).status


@pytest.mark.verified("docs", feature="Partition keys: the header must match the item (400/1001)")
@pytest.mark.parametrize(
    ("item", "header"),
    [
        ({"id": "1", "pk": "a"}, ["b"]),
        ({"id": "1"}, [None]),
        ({"id": "1", "pk": None}, [{}]),
        ({"id": "1", "pk": 1}, [True]),
        ({"id": "1", "pk": "1"}, [1]),
        ({"id": "1", "pk": {"a": 1}}, ["a"]),
        ({"id": "1", "pk": "a"}, []),
    ],
)
async def test_a_partition_key_that_is_not_the_items_is_refused(
    raw_container: RawClient, item: dict[str, object], header: list[object]
) -> None:
    answer = await raw_container.send("POST", ITEMS, item, partition_key(*header))

    assert (400, 1001) == (answer.status, answer.substatus)


@pytest.mark.verified("docs", feature="Partition keys: required on item operations")
async def test_an_item_operation_without_a_partition_key_is_refused(raw_container: RawClient) -> None:
    answer = await raw_container.send("POST", ITEMS, {"id": "1", "pk": "a"})

    assert 400 == answer.status
    assert "PartitionKey value must be supplied" in answer.json["message"]


@pytest.mark.verified("sdk", feature="Partition keys: strings, numbers, booleans, null and absent")
@pytest.mark.parametrize(
    ("item", "key"), [({"pk": "é"}, "é"), ({"pk": 0}, 0), ({"pk": 1.5}, 1.5), ({"pk": True}, True), ({"pk": ""}, "")]
)
async def test_every_scalar_is_a_partition_key(container: ContainerProxy, item: dict[str, object], key: object) -> None:
    await container.create_item({"id": "1", **item})

    assert item["pk"] == (await container.read_item("1", key))["pk"]  # type: ignore[arg-type]


@pytest.mark.verified("sdk", feature="Partition keys: strings, numbers, booleans, null and absent")
async def test_null_and_absent_are_different_partition_keys(container: ContainerProxy, raw: RawClient) -> None:
    await container.create_item({"id": "1"})
    await raw.create({"id": "1", "pk": None})

    absent = await raw.send("GET", f"{ITEMS}/1", None, partition_key({}))
    null = await raw.send("GET", f"{ITEMS}/1", None, partition_key(None))

    assert (False, True) == ("pk" in absent.json, "pk" in null.json)


@pytest.mark.verified("trace", feature="Partition keys: numbers are doubles, 7 and 7.0 are one key")
async def test_a_whole_number_is_one_key_however_it_is_written(raw_container: RawClient) -> None:
    assert 201 == (await raw_container.send("POST", ITEMS, {"id": "1", "pk": 7}, partition_key(7.0))).status
    assert 200 == (await raw_container.send("GET", f"{ITEMS}/1", None, partition_key(7))).status


def unique(*paths: str) -> Any:
    return {"uniqueKeys": [{"paths": list(paths)}]}


@pytest.mark.verified("sdk", feature="Unique keys")
async def test_a_unique_key_admits_a_value_once_per_partition_key(database: DatabaseProxy) -> None:
    people = await database.create_container(
        "people", PartitionKey("/pk"), unique_key_policy=unique("/email", "/site/name")
    )
    first = {"id": "1", "pk": "a", "email": "x", "site": {"name": "s"}}
    await people.create_item(first)

    with pytest.raises(CosmosResourceExistsError):
        await people.create_item({**first, "id": "2"})
    await people.create_item({**first, "id": "2", "pk": "b"})
    await people.create_item({**first, "id": "3", "email": "y"})
    with pytest.raises(CosmosResourceExistsError):
        await people.replace_item("3", {**first, "id": "3"})
    await people.delete_item("1", "a")
    await people.replace_item("3", {**first, "id": "3"})
    await people.replace_item("3", {**first, "id": "3", "other": 1})


@pytest.mark.verified("docs", feature="Unique keys: a missing value counts as null")
async def test_a_missing_unique_value_is_admitted_once(database: DatabaseProxy) -> None:
    people = await database.create_container("people", PartitionKey("/pk"), unique_key_policy=unique("/email"))
    await people.create_item({"id": "1", "pk": "a"})

    for item in ({"id": "2", "pk": "a"}, {"id": "2", "pk": "a", "email": None}):
        with pytest.raises(CosmosResourceExistsError):
            await people.create_item(item)


@pytest.mark.verified("docs", feature="Items: replacing needs the same id and partition key")
async def test_an_item_cannot_change_its_id_or_partition_key(raw_container: RawClient) -> None:
    await raw_container.create({"id": "1", "pk": "a"})

    other_id = await raw_container.send("PUT", f"{ITEMS}/1", {"id": "2", "pk": "a"}, partition_key("a"))
    other_key = await raw_container.send("PUT", f"{ITEMS}/1", {"id": "1", "pk": "b"}, partition_key("a"))

    assert (400, 400) == (other_id.status, other_key.status)


@pytest.mark.verified("sdk", feature="Items: delete all items of a partition key")
async def test_all_items_of_a_partition_key_are_deleted(container: ContainerProxy) -> None:
    for number in range(3):
        await container.create_item({"id": str(number), "pk": "a"})
    await container.create_item({"id": "0", "pk": "b"})

    await container.delete_all_items_by_partition_key("a")

    assert ["b"] == [item["pk"] async for item in container.read_all_items()]


@pytest.mark.verified("sdk", feature="Items: read all, paged")
async def test_all_items_are_read_page_by_page(container: ContainerProxy) -> None:
    for number in range(7):
        await container.create_item({"id": str(number), "pk": str(number % 3)})

    pages = [[item["id"] async for item in page] async for page in container.read_all_items(max_item_count=3).by_page()]

    assert [3, 3, 1] == [len(page) for page in pages]
    assert {str(number) for number in range(7)} == {item for page in pages for item in page}


@pytest.mark.verified("sdk", feature="Items: read many")
async def test_many_items_are_read_at_once(container: ContainerProxy, server: CosmosServer) -> None:
    for number in range(5):
        await container.create_item({"id": str(number), "pk": str(number % 2)})

    found = await container.read_items([("1", "1"), ("2", "0"), ("4", "0"), ("9", "0")])

    assert {"1", "2", "4"} == {item["id"] for item in found}


@pytest.mark.verified("trace", feature="Items: bodies without a content type are understood")
async def test_a_body_needs_no_content_type(raw_container: RawClient) -> None:
    body = json.dumps({"id": "1", "pk": "a", "text": "é"}, ensure_ascii=False).encode()

    assert "é" == (await raw_container.send("POST", ITEMS, body, partition_key("a"))).json["text"]


@pytest.mark.verified("trace", feature="Items: headers that clients rely on")
async def test_item_answers_carry_the_headers_that_clients_rely_on(raw_container: RawClient) -> None:
    answer = await raw_container.create({"id": "1", "pk": "a"})

    assert answer.json["_etag"] == answer.headers["etag"]
    assert "0:-1#1" == answer.headers["x-ms-session-token"]
    assert "1" == answer.headers["lsn"]
    assert "0" == answer.headers["x-ms-documentdb-partitionkeyrangeid"]
    assert "dbs/shop/colls/items" == answer.headers["x-ms-alt-content-path"]
    assert answer.json["_self"].split("/")[3] == answer.headers["x-ms-content-path"]
    assert "5.91" == answer.headers["x-ms-request-charge"]
