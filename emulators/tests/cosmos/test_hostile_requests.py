"""Requests that no client should send: each is refused as the client's mistake, none is the server's."""

from __future__ import annotations

import base64
import logging
from typing import Any

import pytest

from emulators.tests.cosmos.raw import CROSS_PARTITION, ITEMS, RawClient, partition_key

pytestmark = pytest.mark.verified("docs", feature="Malformed requests are refused")

CONTAINERS = "/dbs/shop/colls"
KEY = {"paths": ["/pk"]}
DEEP = b'{"id":"1","pk":"a","v":' + b"[" * 900 + b"]" * 900 + b"}"


@pytest.mark.parametrize(
    "body", [DEEP, DEEP.replace(b"[", b'{"a":').replace(b"]", b"}"), b'{"id":"\xff"}', b"1" * 5000]
)
async def test_a_body_that_breaks_parsers_is_refused(raw_container: RawClient, body: bytes) -> None:
    assert 400 == (await raw_container.send("POST", ITEMS, body, partition_key("a"))).status


@pytest.mark.parametrize("number", [b"1e999", b"-1e999", b"NaN", b"Infinity"])
async def test_a_number_beyond_doubles_is_refused(raw_container: RawClient, number: bytes) -> None:
    body = b'{"id":"1","pk":"a","n":' + number + b"}"

    assert 400 == (await raw_container.send("POST", ITEMS, body, partition_key("a"))).status


@pytest.mark.parametrize(
    "header", ['["\\ud800"]', "garbage", '"a"', "{}", "[[1]]", "[" * 5000, '["a","b"]', f'["{"x" * 2049}"]']
)
async def test_a_partition_key_header_that_is_none_is_refused(raw_container: RawClient, header: str) -> None:
    headers = {"x-ms-documentdb-partitionkey": header}

    assert 400 == (await raw_container.send("POST", ITEMS, {"id": "1", "pk": "a"}, headers)).status


@pytest.mark.parametrize(
    "operation",
    [
        {"operationType": "Create", "resourceBody": {"id": "1", "pk": "a"}, "ifMatch": 5},
        {"operationType": "Delete", "id": "1", "partitionKey": ["a"]},
        {"operationType": "Patch", "id": "1", "resourceBody": 5},
        {"operationType": "Patch", "id": "1", "resourceBody": {"operations": [5]}},
        {"operationType": "Patch", "id": "1", "resourceBody": {"operations": [{"op": "set", "path": "/x", "value": 1}],
                                                               "condition": "from c where ("}},
        {"operationType": "Replace", "id": "1", "resourceBody": []},
        {},
        5,
    ],
)  # fmt: skip
async def test_an_operation_that_is_none_is_refused(raw_container: RawClient, operation: Any) -> None:
    await raw_container.create({"id": "1", "pk": "a"})

    answer = await raw_container.batch("a", operation)

    assert 400 == (answer.status if answer.status != 207 else answer.json[0]["statusCode"])


@pytest.mark.parametrize(
    "policies",
    [
        {"indexingPolicy": {"includedPaths": [{}]}},
        {"indexingPolicy": {"includedPaths": [5]}},
        {"indexingPolicy": 5},
        {"uniqueKeyPolicy": {"uniqueKeys": [5]}},
        {"uniqueKeyPolicy": {"uniqueKeys": [{"paths": []}]}},
        {"partitionKey": 5},
        {"partitionKey": {"paths": [5]}},
        {"id": 5},
    ],
)
async def test_a_definition_that_is_none_is_refused(raw_container: RawClient, policies: dict[str, Any]) -> None:
    answer = await raw_container.send("POST", CONTAINERS, {"id": "c", "partitionKey": KEY, **policies})

    assert 400 == answer.status


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"x-ms-max-item-count": "many"}, {"query": "SELECT * FROM c"}),
        ({"x-ms-max-item-count": "0"}, {"query": "SELECT * FROM c"}),
        ({"x-ms-session-token": "x"}, {"query": "SELECT * FROM c"}),
        ({}, {"query": 5}),
        ({}, []),
        ({}, {"query": "SELECT * FROM c WHERE c.id = @x", "parameters": [5]}),
        ({}, {"query": "SELECT TOP 1.5 * FROM c"}),
        ({}, {"query": "SELECT * FROM c OFFSET -1 LIMIT 1"}),
        ({}, {"query": "SELECT * FROM c WHERE c.id = (SELECT VALUE x FROM x IN c.list)"}),
        ({}, {"query": "SELECT " + "(" * 5000 + "1" + ")" * 5000}),
        ({}, {"query": "SELECT * FROM c WHERE " + " OR ".join(f"c.n = {n}" for n in range(2000)) + " OR ("}),
    ],
)
async def test_a_query_that_is_none_is_refused(raw_container: RawClient, headers: dict[str, str], body: Any) -> None:
    await raw_container.create({"id": "1", "pk": "a", "list": [1, 2]})
    sent = {"Content-Type": "application/query+json", **CROSS_PARTITION, **headers}

    assert 400 == (await raw_container.send("POST", ITEMS, body, sent)).status


async def test_a_filter_of_many_alternatives_is_answered(raw_container: RawClient) -> None:
    await raw_container.create({"id": "1", "pk": "a", "n": 1999})
    text = "SELECT VALUE c.n FROM c WHERE " + " OR ".join(f"c.n = {n}" for n in range(2000))

    assert [1999] == (await raw_container.query(text, partition_key("a"))).json["Documents"]


@pytest.mark.parametrize(
    "content", [{"offerThroughput": "many"}, {"offerAutopilotSettings": 5, "offerThroughput": []}, 5]
)
async def test_an_offer_that_is_none_is_refused(raw_container: RawClient, content: Any) -> None:
    offer = (await raw_container.send("GET", "/offers")).json["Offers"][0]

    answer = await raw_container.send(
        "PUT", f"/offers/{offer['_rid']}", {**offer, "content": content}, signed=("offers", offer["_rid"].lower())
    )

    assert 400 == answer.status


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/nothing"), ("PATCH", "/dbs"), ("POST", "/dbs/shop/colls/items/docs/1")]
)
async def test_an_address_or_verb_that_is_none_is_refused(raw_container: RawClient, method: str, path: str) -> None:
    assert (await raw_container.send(method, path)).status in {404, 405}


async def test_a_defect_of_the_server_is_answered_and_logged(
    raw_container: RawClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def explode(*_: Any) -> None:
        raise RuntimeError("defect")

    monkeypatch.setattr("emulators.cosmos.operations.items.parse_item", explode)
    with caplog.at_level(logging.ERROR, "emulators.cosmos"):
        answer = await raw_container.create({"id": "1", "pk": "a"})

    assert (500, "InternalServerError") == (answer.status, answer.json["code"])
    assert "defect" in caplog.text


@pytest.mark.parametrize(
    "header", ["x-ms-documentdb-partitionkey", "x-ms-continuation", "x-ms-cosmos-offer-autopilot-settings"]
)
async def test_a_header_that_is_nested_deeply(raw_container: RawClient, header: str) -> None:
    deep = "[" * 2_000 + "]" * 2_000
    if header == "x-ms-continuation":
        deep = base64.b64encode(deep.encode()).decode()
    if header == "x-ms-cosmos-offer-autopilot-settings":
        definition = {"id": "other", "partitionKey": {"paths": ["/pk"], "kind": "Hash"}}
        answer = await raw_container.send("POST", "/dbs/shop/colls", definition, {header: deep})
    else:
        answer = await raw_container.query("SELECT * FROM c", {**partition_key("a"), header: deep})
    assert 400 == answer.status
