"""What the .NET SDK and its change feed processor send, replayed request by request."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import pytest

from emulators.cosmos.server import CosmosServer
from emulators.tests.cosmos.raw import ITEMS, RawAnswer, RawClient, partition_key

LEASES = "/dbs/shop/colls/leases/docs"
QUERY_PLAN = {
    "Content-Type": "application/query+json",
    "x-ms-cosmos-is-query-plan-request": "True",
    "x-ms-cosmos-query-version": "1.0",
    "x-ms-cosmos-supported-query-features": "Aggregate, Distinct, GroupBy, MultipleAggregates, MultipleOrderBy, "
    "OffsetAndLimit, OrderBy, Top, NonValueAggregate, DCount, NonStreamingOrderBy, CountIf, HybridSearch",
}
QUERY = {
    "x-ms-max-item-count": "1000",
    "x-ms-documentdb-populatequerymetrics": "True",
    "x-ms-documentdb-partitionkeyrangeid": "0",
    "x-ms-documentdb-query-enablecrosspartition": "True",
    "x-ms-documentdb-query-iscontinuationexpected": "False",
    "x-ms-cosmos-query-optimisticdirectexecute": "False",
    "x-ms-cosmos-supported-serialization-formats": "JsonText,CosmosBinary",
}
MINIMAL = {"Prefer": "return=minimal"}


class Processor:
    """One instance of a change feed processor, as far as its requests go."""

    def __init__(self, raw: RawClient, prefix: str) -> None:
        self.raw = raw
        self.prefix = prefix

    def path(self, name: str) -> str:
        return f"{LEASES}/{self.prefix}{name}"  # "=" and ".." stay raw, as .NET sends them

    def item(self, name: str, **properties: Any) -> dict[str, Any]:
        return {"id": f"{self.prefix}{name}", **properties}

    def key(self, name: str) -> dict[str, str]:
        return partition_key(f"{self.prefix}{name}")

    async def get(self, name: str) -> RawAnswer:
        return await self.raw.send("GET", self.path(name), None, self.key(name))

    async def create(self, item: dict[str, Any], headers: dict[str, str]) -> RawAnswer:
        return await self.raw.send("POST", LEASES, item, {**partition_key(item["id"]), **headers})

    async def leases(self) -> list[dict[str, Any]]:
        text = f"SELECT * FROM c WHERE STARTSWITH(c.id, '{self.prefix}..')"
        plan = await self.raw.send("POST", LEASES, {"query": text}, QUERY_PLAN)
        assert 200 == plan.status
        leases: list[dict[str, Any]] = (await self.raw.query(text, QUERY, path=LEASES)).json["Documents"]
        return leases

    async def replace(self, lease: dict[str, Any], etag: str) -> RawAnswer:
        headers = {**partition_key(lease["id"]), **MINIMAL, "If-Match": etag}
        return await self.raw.send("PUT", f"{LEASES}/{lease['id']}", lease, headers)


@pytest.fixture
async def processor(raw_container: RawClient) -> Processor:
    """The monitored and the lease container, and a processor that knows their resource ids."""
    definition = {"id": "leases", "defaultTtl": -1, "partitionKey": {"paths": ["/id"], "kind": "Hash"}}
    assert 404 == (await raw_container.send("GET", "/dbs/shop/colls/leases")).status
    assert 201 == (await raw_container.send("POST", "/dbs/shop/colls", definition)).status
    monitored = (await raw_container.send("GET", "/dbs/shop/colls/items")).json
    database, container = monitored["_self"].split("/")[1], monitored["_rid"]
    return Processor(raw_container, f"fn1-127.0.0.1_{database}_{container}")


@pytest.mark.verified("trace", feature="Change feed processor: bootstrap, lease, checkpoint with its 412 loop, release")
async def test_a_change_feed_processor_lives_from_bootstrap_to_release(
    processor: Processor, server: CosmosServer
) -> None:
    raw = processor.raw
    await raw.create({"id": "1", "pk": "a"})
    await raw.create({"id": "2", "pk": "b"})

    # bootstrap
    assert [] == await processor.leases()
    assert 404 == (await processor.get(".info")).status
    lock = await processor.create(processor.item(".lock", ttl=30), MINIMAL)
    assert (201, b"") == (lock.status, lock.body)
    assert 409 == (await processor.create(processor.item(".lock", ttl=30), MINIMAL)).status
    lease = processor.item(
        "..0",
        version=0,
        _etag=None,
        LeaseToken="0",
        FeedRange={"Range": {"min": "", "max": "FF"}},
        Owner=None,
        ContinuationToken=None,
        properties={},
        timestamp=None,
        _ts=0,
        Mode="Incremental Feed",
    )
    assert 201 == (await processor.create(lease, MINIMAL)).status
    assert 201 == (await processor.create(processor.item(".info"), {})).status
    unlock = {**processor.key(".lock"), "If-Match": lock.headers["etag"]}
    assert 204 == (await raw.send("DELETE", processor.path(".lock"), None, unlock)).status

    # acquire
    (found,) = await processor.leases()
    owned = {**found, "Owner": "instance", "timestamp": "2026-11-23T06:24:15.7224104Z"}
    acquired = await processor.replace(owned, found["_etag"])
    assert (200, b"") == (acquired.status, acquired.body)

    # read, and checkpoint with the etag of before: 412, read, replace
    page = await raw.feed(**{"x-ms-documentdb-partitionkeyrangeid": "0"})
    assert (2, '"2"') == (len(page.json["Documents"]), page.headers["etag"])
    advanced = {**owned, "ContinuationToken": page.headers["etag"]}
    assert (412, 0) == ((refused := await processor.replace(advanced, found["_etag"])).status, refused.substatus)
    current = (await processor.get("..0")).json
    assert 200 == (await processor.replace(advanced, current["_etag"])).status
    nothing = await raw.feed(**{"x-ms-documentdb-partitionkeyrangeid": "0", "If-None-Match": '"2"'})
    assert 304 == nothing.status

    # estimator: the lag is the session's LSN less that of the first pending item, less one
    for number in range(3):
        await raw.create({"id": f"new{number}", "pk": "a"})
    pending = await raw.feed(**{"x-ms-max-item-count": "1", "If-None-Match": '"2"'})
    assert 3 == pending.lsn - (pending.json["Documents"][0]["_lsn"] - 1)

    # release
    current = (await processor.get("..0")).json
    assert 200 == (await processor.replace({**current, "Owner": None}, current["_etag"])).status
    assert '"2"' == (await processor.get("..0")).json["ContinuationToken"]


@pytest.mark.verified("trace", feature="Change feed processor: a crashed bootstrap is free after its lock expired")
async def test_the_lock_of_a_crashed_bootstrap_expires(processor: Processor, server: CosmosServer) -> None:
    server.clock.freeze()
    await processor.create(processor.item(".lock", ttl=30), MINIMAL)
    assert 409 == (await processor.create(processor.item(".lock", ttl=30), MINIMAL)).status

    server.clock.advance(30)

    assert 201 == (await processor.create(processor.item(".lock", ttl=30), MINIMAL)).status


@pytest.mark.verified("trace", feature="Addresses: by resource id, raw and encoded")
@pytest.mark.parametrize("encode", [False, True])
async def test_partition_maps_are_found_by_resource_id(raw_container: RawClient, encode: bool) -> None:
    container = (await raw_container.send("GET", "/dbs/shop/colls/items")).json
    path = f"/{container['_self']}pkranges".replace("=", "%3D" if encode else "=")

    answer = await raw_container.send("GET", path, signed=("pkranges", container["_rid"].lower()))

    assert (200, "0") == (answer.status, answer.json["PartitionKeyRanges"][0]["id"])


@pytest.mark.verified("trace", feature="Addresses: a container that was made anew is missed by its old resource id")
async def test_the_old_resource_id_of_a_container_misses_its_owner(raw_container: RawClient) -> None:
    container = (await raw_container.send("GET", "/dbs/shop/colls/items")).json
    await raw_container.send("DELETE", "/dbs/shop/colls/items")
    await raw_container.send("POST", "/dbs/shop/colls", {"id": "items", "partitionKey": {"paths": ["/pk"]}})

    answer = await raw_container.send(
        "GET", f"/{container['_self']}pkranges", signed=("pkranges", container["_rid"].lower())
    )

    assert (404, 1003) == (answer.status, answer.substatus)


@pytest.mark.verified("trace", feature="Addresses: item ids with = + & ; : @ % raw or encoded")
async def test_an_item_id_is_found_however_it_is_encoded(raw_container: RawClient) -> None:
    await raw_container.create({"id": "a=b+c&d;e:f@g%h i..ü", "pk": "a"})

    for path in ("a=b+c&d;e:f@g%25h%20i..%C3%BC", "a%3Db%2Bc%26d%3Be%3Af%40g%25h%20i..%C3%BC"):
        assert 200 == (await raw_container.send("GET", f"{ITEMS}/{path}", None, partition_key("a"))).status


@pytest.mark.verified("trace", feature="Offers: as .NET asks for them")
async def test_an_offer_is_found_by_the_resource_id_of_its_container(raw_container: RawClient) -> None:
    container = (await raw_container.send("GET", "/dbs/shop/colls/items")).json
    text = "select * from root r where r.offerResourceId= @targetRID"

    offer = (await raw_container.query(text, path="/offers", targetRID=container["_rid"])).json["Offers"][0]
    read = await raw_container.send("GET", f"/offers/{offer['_rid']}", signed=("offers", offer["_rid"].lower()))

    assert (200, 400) == (read.status, read.json["content"]["offerThroughput"])


@pytest.mark.verified("trace", feature="Read many: the queries of .NET")
async def test_the_queries_of_read_many_are_answered(raw_container: RawClient) -> None:
    for key in "ab":
        for number in range(3):
            await raw_container.create({"id": str(number), "pk": key})
    text = (
        "SELECT * FROM c WHERE ( ( c.id = @param_id0 AND c[\"pk\"] = @param_pk00 ) "
        "OR ( c.id = @param_id1 AND c[\"pk\"] = @param_pk10 ) )"
    )  # fmt: skip

    answer = await raw_container.query(text, QUERY, param_id0="1", param_pk00="a", param_id1="2", param_pk10="b")

    assert {("1", "a"), ("2", "b")} == {(item["id"], item["pk"]) for item in answer.json["Documents"]}


@pytest.mark.verified("trace", feature="Page sizes: 2147483647 is the server's choice")
async def test_the_greatest_page_size_is_understood(raw_container: RawClient) -> None:
    await raw_container.create({"id": "1", "pk": "a"})

    answer = await raw_container.query("SELECT * FROM c", {**partition_key("a"), "x-ms-max-item-count": "2147483647"})

    assert "1" == answer.headers["x-ms-item-count"]


# HybridRow: https://github.com/microsoft/HybridRow, schemas of the batch in the .NET SDK

KINDS = {"Create": 0, "Patch": 1, "Read": 2, "Delete": 4, "Replace": 5, "Upsert": 20}


def varint(number: int) -> bytes:
    encoded = b""
    while number >= 0x80:
        encoded += bytes([number & 0x7F | 0x80])
        number >>= 7
    return encoded + bytes([number])


def prefixed(data: bytes) -> bytes:
    return varint(len(data)) + data


def operation(
    kind: str,
    item_id: str | None = None,
    body: bytes | None = None,
    if_match: str | None = None,
    minimal: bool = False,
    key: str | None = None,
) -> bytes:
    present = 0b11 | (key is not None) << 2 | (item_id is not None) << 4 | (body is not None) << 6
    row = struct.pack("<BiBii", 0x81, 2145473648, present, KINDS[kind], 2)
    for variable in (key.encode() if key else None, item_id.encode() if item_id else None, body):
        if variable is not None:
            row += prefixed(variable)
    if if_match is not None:
        row += bytes([20, 9]) + prefixed(if_match.encode())
    return row + (bytes([3, 12]) if minimal else b"")


def stream(*rows: bytes) -> bytes:
    framed = struct.pack("<BiBi", 0x81, 2147473648, 1, 10)
    for row in rows:
        framed += struct.pack("<BiiI", 0x81, 2147473649, len(row), zlib.crc32(row)) + row
    return framed


def results_of(data: bytes) -> list[tuple[int, str | None, bytes | None]]:
    """Status, etag and body of each result."""
    results: list[tuple[int, str | None, bytes | None]] = []
    position = 10
    while position < len(data):
        length, checksum = struct.unpack_from("<iI", data, position + 5)
        row = data[position + 13 : position + 13 + length]
        assert zlib.crc32(row) == checksum
        position += 13 + length
        present = row[5]
        at = 14
        texts: list[bytes | None] = []
        for bit in (4, 8):
            if present & bit:
                size = shift = 0
                while True:
                    byte = row[at]
                    at += 1
                    size |= (byte & 0x7F) << shift
                    shift += 7
                    if byte < 0x80:
                        break
                texts.append(row[at : at + size])
                at += size
            else:
                texts.append(None)
        etag = texts[0].decode() if texts[0] is not None else None
        results.append((struct.unpack_from("<i", row, 6)[0], etag, texts[1]))
    return results


BATCH = {
    "x-ms-cosmos-is-batch-request": "True",
    "x-ms-cosmos-batch-atomic": "True",
    "x-ms-cosmos-batch-ordered": "True",
    **partition_key("a"),
}


@pytest.mark.verified("trace", feature="Batch: HybridRow of the .NET SDK")
async def test_a_batch_in_hybridrow_does_all_kinds_of_operations(raw_container: RawClient) -> None:
    etag = (await raw_container.create({"id": "0", "pk": "a"})).headers["etag"]
    body = stream(
        operation("Create", body=b'{"id":"1","pk":"a","text":"\xc3\xa9"}'),
        operation("Upsert", body=b'{"id":"2","pk":"a"}', minimal=True),
        operation("Replace", "0", b'{"id":"0","pk":"a","n":1}', if_match=etag),
        operation("Patch", "0", b'{"operations":[{"op":"incr","path":"/n","value":2}]}'),
        operation("Read", "1"),
        operation("Delete", "2"),
    )

    answer = await raw_container.send("POST", ITEMS, body, BATCH)

    results = results_of(answer.body)
    assert 200 == answer.status
    assert [201, 201, 200, 200, 200, 204] == [status for status, _, _ in results]
    assert b"\xc3\xa9" in (results[4][2] or b"")
    assert (None, None) == (results[1][2], results[5][2])
    assert 3 == (await raw_container.send("GET", f"{ITEMS}/0", None, partition_key("a"))).json["n"]
    assert results[4][1] == (await raw_container.send("GET", f"{ITEMS}/1", None, partition_key("a"))).headers["etag"]


@pytest.mark.verified("trace", feature="Batch: HybridRow of the .NET SDK")
async def test_a_failed_batch_in_hybridrow_answers_207(raw_container: RawClient) -> None:
    body = stream(operation("Create", body=b'{"id":"1","pk":"a"}'), operation("Read", "none"))

    answer = await raw_container.send("POST", ITEMS, body, BATCH)

    assert (207, [424, 404]) == (answer.status, [status for status, _, _ in results_of(answer.body)])
    assert 404 == (await raw_container.send("GET", f"{ITEMS}/1", None, partition_key("a"))).status


@pytest.mark.verified("trace", feature="Bulk: HybridRow of the .NET SDK")
async def test_bulk_in_hybridrow_has_a_partition_key_per_operation(raw_container: RawClient) -> None:
    headers = {
        "x-ms-cosmos-is-batch-request": "True",
        "x-ms-cosmos-batch-atomic": "False",
        "x-ms-cosmos-batch-continue-on-error": "True",
        "x-ms-documentdb-partitionkeyrangeid": "0",
    }
    body = stream(
        operation("Create", body=b'{"id":"1","pk":"a"}', key='["a"]'),
        operation("Read", "none", key='["a"]'),
        operation("Create", body=b'{"id":"1","pk":"b"}', key='["b"]'),
    )

    answer = await raw_container.send("POST", ITEMS, body, headers)

    assert (207, [201, 404, 201]) == (answer.status, [status for status, _, _ in results_of(answer.body)])


@pytest.mark.verified("docs", feature="Batch: HybridRow that is damaged is refused")
@pytest.mark.parametrize("damage", [b"\x81", b"\x81garbage", stream(operation("Read", "1"))[:-1] + b"x"])
async def test_damaged_hybridrow_is_refused(raw_container: RawClient, damage: bytes) -> None:
    assert 400 == (await raw_container.send("POST", ITEMS, damage, BATCH)).status
