"""Transactional batches in JSON, and bulk."""

from __future__ import annotations

from typing import Any

import pytest
from azure.cosmos.aio import ContainerProxy
from azure.cosmos.exceptions import CosmosBatchOperationError, CosmosHttpResponseError

from emulators.cosmos.server import CosmosServer
from emulators.tests.cosmos.raw import ITEMS, RawClient


def create(item_id: str, **properties: Any) -> dict[str, Any]:
    return {"operationType": "Create", "resourceBody": {"id": item_id, "pk": "a", **properties}}


def read(item_id: str) -> dict[str, Any]:
    return {"operationType": "Read", "id": item_id}


@pytest.mark.verified("sdk", feature="Batch: create, upsert, read, replace, patch, delete")
async def test_a_batch_does_all_kinds_of_operations(container: ContainerProxy) -> None:
    results = await container.execute_item_batch(
        [
            ("create", ({"id": "1", "pk": "a"},)),
            ("upsert", ({"id": "2", "pk": "a"},)),
            ("read", ("1",)),
            ("replace", ("2", {"id": "2", "pk": "a", "z": 1})),
            ("patch", ("1", [{"op": "set", "path": "/q", "value": 1}])),
            ("upsert", ({"id": "2", "pk": "a", "z": 2},)),
            ("delete", ("2",)),
        ],
        "a",
    )

    assert [201, 201, 200, 200, 200, 200, 204] == [result["statusCode"] for result in results]
    assert 1 == results[4]["resourceBody"]["q"]
    assert results[4]["eTag"] == (await container.read_item("1", "a"))["_etag"]
    assert ["1"] == [item["id"] async for item in container.read_all_items()]


@pytest.mark.verified("sdk", feature="Batch: all or none")
async def test_a_batch_with_a_failing_operation_leaves_nothing(container: ContainerProxy) -> None:
    await container.create_item({"id": "1", "pk": "a"})

    with pytest.raises(CosmosBatchOperationError) as failed:
        await container.execute_item_batch(
            [("upsert", ({"id": "9", "pk": "a"},)), ("create", ({"id": "1", "pk": "a"},)), ("read", ("1",))], "a"
        )

    assert (1, 409) == (failed.value.error_index, failed.value.status_code)
    assert [424, 409, 424] == [result["statusCode"] for result in failed.value.operation_responses]
    assert ["1"] == [item["id"] async for item in container.read_all_items()]


@pytest.mark.verified("trace", feature="Batch: 207, and a session token also then")
async def test_a_failed_batch_answers_207_with_the_session_of_the_head(raw_container: RawClient) -> None:
    await raw_container.create({"id": "1", "pk": "a"})

    answer = await raw_container.batch("a", create("2"), create("1"))

    assert 207 == answer.status
    assert [{"statusCode": 424, "requestCharge": 0.0}, {"statusCode": 409, "requestCharge": 0.0}] == answer.json
    assert 1 == answer.lsn


@pytest.mark.verified("docs", feature="Batch: one commit, one LSN, and the sum of the charges")
async def test_a_batch_is_one_commit(raw_container: RawClient) -> None:
    answer = await raw_container.batch("a", create("1"), create("2"), read("1"))

    assert 1 == answer.lsn
    assert sum(result["requestCharge"] for result in answer.json) == float(answer.headers["x-ms-request-charge"])
    assert {1} == {item["_lsn"] for item in (await raw_container.feed()).json["Documents"]}


@pytest.mark.verified("docs", feature="Batch: reads alone do not commit")
async def test_a_batch_of_reads_moves_no_lsn(raw_container: RawClient) -> None:
    await raw_container.create({"id": "1", "pk": "a"})

    found = await raw_container.batch("a", read("1"))
    missed = await raw_container.batch("a", read("1"), read("2"))

    assert (200, 1) == (found.status, found.lsn)
    assert (207, [424, 404], 1) == (missed.status, [result["statusCode"] for result in missed.json], missed.lsn)


@pytest.mark.verified("sdk", feature="Batch: If-Match")
async def test_an_operation_with_an_old_etag_fails_the_batch(container: ContainerProxy) -> None:
    old = await container.create_item({"id": "1", "pk": "a"})
    await container.upsert_item({"id": "1", "pk": "a"})

    with pytest.raises(CosmosBatchOperationError) as failed:
        await container.execute_item_batch(
            [("replace", ("1", {"id": "1", "pk": "a"}), {"if_match_etag": old["_etag"]})], "a"
        )

    assert 412 == failed.value.status_code


@pytest.mark.verified("sdk", feature="Batch: patch with a condition")
async def test_a_condition_that_does_not_hold_fails_the_batch(container: ContainerProxy) -> None:
    await container.create_item({"id": "1", "pk": "a", "n": 1})
    operation = (
        "patch",
        ("1", [{"op": "set", "path": "/n", "value": 2}]),
        {"filter_predicate": "from c where c.n = 5"},
    )

    with pytest.raises(CosmosBatchOperationError) as failed:
        await container.execute_item_batch([("create", ({"id": "2", "pk": "a"},)), operation], "a")

    assert (1, 412) == (failed.value.error_index, failed.value.status_code)


@pytest.mark.verified("docs", feature="Batch: at most 100 operations and 2 MB")
@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
async def test_a_batch_has_limits(container: ContainerProxy) -> None:
    operations = [("create", ({"id": str(number), "pk": "a"},)) for number in range(101)]
    await container.execute_item_batch(operations[:100], "a")
    with pytest.raises(CosmosHttpResponseError) as too_many:
        await container.execute_item_batch(operations, "a")
    with pytest.raises(CosmosHttpResponseError) as too_large:
        await container.execute_item_batch([("create", ({"id": "x", "pk": "a", "t": "x" * 2**21},))], "a")

    assert (400, 413) == (too_many.value.status_code, too_large.value.status_code)


@pytest.mark.verified("docs", feature="Batch: one partition key for all operations")
async def test_an_item_of_another_partition_key_fails_the_batch(raw_container: RawClient) -> None:
    answer = await raw_container.batch("b", create("1"))

    assert 207 == answer.status
    assert (400, 1001) == (answer.json[0]["statusCode"], answer.json[0]["subStatusCode"])


@pytest.mark.verified("docs", feature="Batch: what is no batch is refused")
@pytest.mark.parametrize("operations", [[], [{"operationType": "Merge", "id": "1"}], [{"operationType": "Create"}]])
async def test_what_is_no_batch_is_refused(raw_container: RawClient, operations: list[dict[str, Any]]) -> None:
    answer = await raw_container.batch("a", *operations)

    assert 400 == (answer.status if answer.status != 207 else answer.json[0]["statusCode"])


@pytest.mark.verified("docs", feature="Batch: operations see what the ones before them did")
async def test_a_batch_sees_its_own_writes_and_their_unique_keys(raw_container: RawClient) -> None:
    delete = {"operationType": "Delete", "id": "1"}

    answer = await raw_container.batch("a", create("1", n=1), delete, create("1", n=2), read("1"))

    assert [201, 204, 201, 200] == [result["statusCode"] for result in answer.json]
    assert 2 == answer.json[3]["resourceBody"]["n"]


@pytest.mark.verified("trace", feature="Bulk: operations on their own, with a partition key each")
async def test_in_bulk_every_operation_stands_alone(raw_container: RawClient, server: CosmosServer) -> None:
    operations = [
        {"operationType": "Create", "partitionKey": '["a"]', "resourceBody": {"id": "1", "pk": "a"}},
        {"operationType": "Create", "partitionKey": '["a"]', "resourceBody": {"id": "1", "pk": "a"}},
        {"operationType": "Create", "partitionKey": '["b"]', "resourceBody": {"id": "1", "pk": "b"}},
    ]
    headers = {
        "x-ms-cosmos-is-batch-request": "True",
        "x-ms-cosmos-batch-atomic": "False",
        "x-ms-cosmos-batch-continue-on-error": "True",
        "x-ms-documentdb-partitionkeyrangeid": "0",
    }

    answer = await raw_container.send("POST", ITEMS, operations, headers)

    assert (207, [201, 409, 201]) == (answer.status, [result["statusCode"] for result in answer.json])
    assert ("Create",) * 3 == server.requests.of("batch")[-1].operations
