"""Partial updates."""

from __future__ import annotations

from typing import Any

import pytest
from azure.core import MatchConditions
from azure.cosmos.aio import ContainerProxy
from azure.cosmos.exceptions import (
    CosmosAccessConditionFailedError,
    CosmosHttpResponseError,
    CosmosResourceNotFoundError,
)

from emulators.tests.cosmos.raw import ITEMS, RawClient, partition_key

ITEM: dict[str, Any] = {"id": "1", "pk": "a", "n": 1, "list": [1, 2, 3], "deep": {"x": 1}, "a/b": 0}

DOCUMENTED = pytest.mark.verified("docs", feature="Patch: add, set, replace, remove, incr, move")


@DOCUMENTED
@pytest.mark.parametrize(
    ("operation", "changed"),
    [
        ({"op": "add", "path": "/new", "value": 5}, {"new": 5}),
        ({"op": "add", "path": "/n", "value": 5}, {"n": 5}),
        ({"op": "add", "path": "/list/1", "value": 9}, {"list": [1, 9, 2, 3]}),
        ({"op": "add", "path": "/list/3", "value": 9}, {"list": [1, 2, 3, 9]}),
        ({"op": "add", "path": "/list/-", "value": 9}, {"list": [1, 2, 3, 9]}),
        ({"op": "set", "path": "/list/1", "value": 9}, {"list": [1, 9, 3]}),
        ({"op": "set", "path": "/deep/y", "value": None}, {"deep": {"x": 1, "y": None}}),
        ({"op": "replace", "path": "/deep/x", "value": [1]}, {"deep": {"x": [1]}}),
        ({"op": "replace", "path": "/a~1b", "value": 1}, {"a/b": 1}),
        ({"op": "remove", "path": "/list/0"}, {"list": [2, 3]}),
        ({"op": "incr", "path": "/n", "value": 2}, {"n": 3}),
        ({"op": "incr", "path": "/n", "value": -1.5}, {"n": -0.5}),
        ({"op": "incr", "path": "/count", "value": 2}, {"count": 2}),
        ({"op": "incr", "path": "/list/0", "value": 1}, {"list": [2, 2, 3]}),
    ],
)
async def test_an_operation_changes_its_path(
    container: ContainerProxy, operation: dict[str, Any], changed: dict[str, Any]
) -> None:
    await container.create_item(ITEM)

    patched = await container.patch_item("1", "a", [operation])

    assert ITEM | changed == {name: value for name, value in patched.items() if name[0] != "_"}


@DOCUMENTED
async def test_a_value_is_moved_and_takes_the_place_of_another(container: ContainerProxy) -> None:
    await container.create_item(ITEM)

    patched = await container.patch_item("1", "a", [{"op": "move", "from": "/deep/x", "path": "/n"}])

    assert (1, {}) == (patched["n"], patched["deep"])


@DOCUMENTED
@pytest.mark.parametrize(
    "operation",
    [
        {"op": "replace", "path": "/none", "value": 1},
        {"op": "remove", "path": "/none"},
        {"op": "add", "path": "/list/5", "value": 1},
        {"op": "add", "path": "/none/x", "value": 1},
        {"op": "incr", "path": "/deep", "value": 1},
        {"op": "incr", "path": "/n", "value": "1"},
        {"op": "move", "from": "/none", "path": "/x"},
        {"op": "move", "from": "/deep", "path": "/deep/y"},
        {"op": "set", "path": "/id", "value": "2"},
        {"op": "set", "path": "/pk", "value": "b"},
        {"op": "set", "path": "/_ts", "value": 1},
        {"op": "test", "path": "/n", "value": 1},
        {"op": "set", "path": "n", "value": 1},
        {"op": "set", "path": "/n"},
    ],
)
async def test_an_operation_that_cannot_be_done_is_refused_and_changes_nothing(
    raw_container: RawClient, operation: dict[str, Any]
) -> None:
    await raw_container.create(ITEM)
    body = {"operations": [{"op": "set", "path": "/first", "value": 1}, operation]}

    answer = await raw_container.send("PATCH", f"{ITEMS}/1", body, partition_key("a"))

    assert 400 == answer.status
    assert "For Operation(2)" in answer.json["message"]
    assert "first" not in (await raw_container.send("GET", f"{ITEMS}/1", None, partition_key("a"))).json


@pytest.mark.verified("sdk", feature="Patch: condition")
async def test_a_patch_is_refused_when_its_condition_does_not_hold(container: ContainerProxy) -> None:
    await container.create_item(ITEM)
    increment = [{"op": "incr", "path": "/n", "value": 1}]

    await container.patch_item("1", "a", increment, filter_predicate="from c where c.n = 1")
    with pytest.raises(CosmosAccessConditionFailedError):
        await container.patch_item("1", "a", increment, filter_predicate="from c where c.n = 1")

    assert 2 == (await container.read_item("1", "a"))["n"]


@pytest.mark.verified("sdk", feature="Patch: If-Match")
async def test_a_patch_with_an_old_etag_is_refused(container: ContainerProxy) -> None:
    old = await container.create_item(ITEM)
    await container.upsert_item(ITEM)

    with pytest.raises(CosmosAccessConditionFailedError):
        await container.patch_item(
            "1",
            "a",
            [{"op": "set", "path": "/n", "value": 5}],
            etag=old["_etag"],
            match_condition=MatchConditions.IfNotModified,
        )


@pytest.mark.verified("docs", feature="Patch: at most 10 operations")
async def test_more_than_ten_operations_are_refused(container: ContainerProxy) -> None:
    await container.create_item(ITEM)
    operations = [{"op": "set", "path": f"/p{number}", "value": 1} for number in range(11)]

    await container.patch_item("1", "a", operations[:10])
    with pytest.raises(CosmosHttpResponseError) as refused:
        await container.patch_item("1", "a", operations)
    assert 400 == refused.value.status_code


@pytest.mark.verified("sdk", feature="Patch: a missing item is not found")
async def test_a_missing_item_cannot_be_patched(container: ContainerProxy) -> None:
    with pytest.raises(CosmosResourceNotFoundError):
        await container.patch_item("1", "a", [{"op": "set", "path": "/n", "value": 5}])


@pytest.mark.verified("trace", feature="Patch: the bare list of operations of the JavaScript SDK")
async def test_a_bare_list_of_operations_is_understood(raw_container: RawClient) -> None:
    await raw_container.create(ITEM)

    answer = await raw_container.send(
        "PATCH", f"{ITEMS}/1", [{"op": "set", "path": "/n", "value": 5}], partition_key("a")
    )

    assert (200, 5) == (answer.status, answer.json["n"])
