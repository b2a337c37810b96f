"""Session tokens, and replicas that lag."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from azure.cosmos import PartitionKey

from emulators.cosmos.scan import Scan
from emulators.cosmos.server import CosmosServer
from emulators.tests.cosmos.raw import ITEMS, RawClient, partition_key
from emulators.tests.cosmos.threaded import APIS, connected

LAG = 5
pytestmark = pytest.mark.verified("docs", feature="Session consistency: lagging replicas (--lag)")


@pytest.fixture
async def lagging() -> AsyncIterator[tuple[CosmosServer, RawClient]]:
    """A server whose replicas lag by up to five commits, with the container `items`."""
    async with CosmosServer.start(lag=LAG) as server, aiohttp.ClientSession() as session:
        raw = RawClient(server.url, session)
        await raw.send("POST", "/dbs", {"id": "shop"})
        await raw.send("POST", "/dbs/shop/colls", {"id": "items", "partitionKey": {"paths": ["/pk"], "version": 2}})
        yield server, raw


async def write(raw: RawClient, count: int) -> None:
    for number in range(1, count + 1):
        await raw.send(
            "POST",
            ITEMS,
            {"id": "1", "pk": "a", "n": number},
            {**partition_key("a"), "x-ms-documentdb-is-upsert": "True"},
        )


async def seen(raw: RawClient, token: str | None = None, reads: int = 60) -> set[int]:
    """The values of the item that many reads saw."""
    headers = {**partition_key("a"), **({"x-ms-session-token": token} if token else {})}
    answers = [await raw.send("GET", f"{ITEMS}/1", None, headers) for _ in range(reads)]
    assert all(answer.json["n"] == answer.lsn for answer in answers)  # the token is that of the snapshot
    return {answer.json["n"] for answer in answers}


async def test_a_read_without_a_token_may_be_some_commits_behind(lagging: tuple[CosmosServer, RawClient]) -> None:
    _, raw = lagging
    await write(raw, 10)

    assert set(range(10 - LAG, 11)) == await seen(raw)


async def test_a_read_is_never_behind_its_session(lagging: tuple[CosmosServer, RawClient]) -> None:
    _, raw = lagging
    await write(raw, 10)

    assert {8, 9, 10} == await seen(raw, "0:-1#8")
    assert {10} == await seen(raw, "0:-1#10", reads=10)


async def test_a_read_ahead_of_the_data_has_no_session(lagging: tuple[CosmosServer, RawClient]) -> None:
    _, raw = lagging
    await write(raw, 1)
    ahead = {"x-ms-session-token": "0:-1#99"}

    point = await raw.send("GET", f"{ITEMS}/1", None, {**partition_key("a"), **ahead})
    query = await raw.query("SELECT * FROM c", {**partition_key("a"), **ahead})
    feed = await raw.feed(**ahead)

    assert [(404, 1002)] * 3 == [(answer.status, answer.substatus) for answer in (point, query, feed)]


@pytest.mark.parametrize("token", ["garbage", "0:5:6#", "0:-1#x"])
async def test_a_malformed_token_is_refused(raw_container: RawClient, token: str) -> None:
    answer = await raw_container.send("GET", f"{ITEMS}/1", None, {**partition_key("a"), "x-ms-session-token": token})

    assert 400 == answer.status


async def test_a_query_sees_one_snapshot_with_its_deleted_and_without_its_new_items(
    lagging: tuple[CosmosServer, RawClient],
) -> None:
    _, raw = lagging
    for number in range(10):
        await raw.create({"id": str(number), "pk": "a"})
        if number:
            await raw.send("DELETE", f"{ITEMS}/{number - 1}", None, partition_key("a"))
    # Commits alternate: create 0, create 1, delete 0, create 2, delete 1, …: at LSN 2n there are n-1 and n.
    for direction in ("", " DESC"):
        for _ in range(40):
            answer = await raw.query(f"SELECT VALUE c.id FROM c ORDER BY c.id{direction}", partition_key("a"))
            lsn = answer.lsn
            expected = [str(lsn // 2 - 1), str(lsn // 2)] if lsn % 2 == 0 else [str(lsn // 2)]
            assert sorted(expected, reverse=bool(direction)) == answer.json["Documents"]


async def test_a_lagging_query_of_many_items_finds_each_once(lagging: tuple[CosmosServer, RawClient]) -> None:
    _, raw = lagging
    ids = [f"{number:04}" for number in range(600)]
    for start in range(0, 600, 100):
        creates = [{"operationType": "Create", "resourceBody": {"id": i, "pk": "a"}} for i in ids[start : start + 100]]
        await raw.batch("a", *creates)
    for start in range(LAG):
        deletes = [{"operationType": "Delete", "id": item_id} for item_id in ids[start::10]]
        await raw.batch("a", *deletes)

    for direction in ("", " DESC"):
        for _ in range(10):
            text = f"SELECT VALUE c.id FROM c ORDER BY c.id{direction}"
            answer = await raw.query(text, {**partition_key("a"), "x-ms-max-item-count": "-1"})
            gone = {item_id for start in range(answer.lsn - 6) for item_id in ids[start::10]}
            expected = [item_id for item_id in ids if item_id not in gone]
            assert sorted(expected, reverse=bool(direction)) == answer.json["Documents"]


async def test_a_lagging_read_does_not_find_what_was_just_created_but_its_session_does(
    lagging: tuple[CosmosServer, RawClient],
) -> None:
    _, raw = lagging
    await write(raw, LAG)
    created = await raw.create({"id": "new", "pk": "b"})

    anyone = {(await raw.send("GET", f"{ITEMS}/new", None, partition_key("b"))).status for _ in range(40)}
    session = {**partition_key("b"), "x-ms-session-token": created.headers["x-ms-session-token"]}
    own = {(await raw.send("GET", f"{ITEMS}/new", None, session)).status for _ in range(20)}

    assert ({200, 404}, {200}) == (anyone, own)


async def test_batches_and_writes_act_on_the_head(lagging: tuple[CosmosServer, RawClient]) -> None:
    _, raw = lagging
    await write(raw, 10)

    answers = [await raw.batch("a", {"operationType": "Read", "id": "1"}) for _ in range(20)]

    assert {10} == {answer.json[0]["resourceBody"]["n"] for answer in answers}
    assert {10} == {answer.lsn for answer in answers}


@pytest.mark.verified("sdk", feature="Session consistency: read your own writes")
@pytest.mark.parametrize("api", APIS)
async def test_an_sdk_reads_its_own_writes_from_lagging_replicas(
    lagging: tuple[CosmosServer, RawClient], api: str
) -> None:
    server, _ = lagging
    async with connected(api, server.url, server.key) as client:
        database = client.get_database_client("shop")
        container = await database.create_container("notes", PartitionKey("/pk"))
        for number in range(30):
            await container.upsert_item({"id": "1", "pk": "a", "n": number})
            assert number == (await container.read_item("1", "a"))["n"]
            query = container.query_items("SELECT c.n FROM c", partition_key="a")
            assert [{"n": number}] == [value async for value in query]


async def test_the_same_seed_gives_the_same_lag() -> None:
    async def run(seed: int) -> list[int]:
        async with CosmosServer.start(lag=LAG, seed=seed) as server, aiohttp.ClientSession() as session:
            raw = RawClient(server.url, session)
            await raw.send("POST", "/dbs", {"id": "shop"})
            await raw.send("POST", "/dbs/shop/colls", {"id": "items", "partitionKey": {"paths": ["/pk"]}})
            await write(raw, 10)
            return [(await raw.send("GET", f"{ITEMS}/1", None, partition_key("a"))).lsn for _ in range(20)]

    assert await run(1) == await run(1)
    assert await run(1) != await run(2)


@pytest.mark.verified("docs", feature="Consistency: a request may not ask for more than the account gives")
@pytest.mark.parametrize(
    ("level", "status"), [("Strong", 400), ("BoundedStaleness", 400), ("Session", 200), ("Eventual", 200)]
)
async def test_a_request_may_weaken_the_consistency_but_not_strengthen_it(
    raw_container: RawClient, level: str, status: int
) -> None:
    await raw_container.create({"id": "1", "pk": "a"})

    answer = await raw_container.send(
        "GET", f"{ITEMS}/1", None, {**partition_key("a"), "x-ms-consistency-level": level}
    )

    assert status == answer.status


async def test_errors_carry_the_session_of_the_container(raw_container: RawClient) -> None:
    await raw_container.create({"id": "1", "pk": "a"})

    missing = await raw_container.send("GET", f"{ITEMS}/none", None, partition_key("a"))
    conflict = await raw_container.create({"id": "1", "pk": "a"})

    assert [(404, 1), (409, 1)] == [(answer.status, answer.lsn) for answer in (missing, conflict)]


async def keyed(raw: RawClient) -> str:
    """The path of the items of a container with a unique key, `/k`."""
    unique = {"uniqueKeys": [{"paths": ["/k"]}]}
    definition = {"id": "keyed", "partitionKey": {"paths": ["/pk"], "version": 2}, "uniqueKeyPolicy": unique}
    await raw.send("POST", "/dbs/shop/colls", definition)
    return ITEMS.replace("/items/", "/keyed/")


@pytest.mark.verified("docs", feature="Queries: narrowed by unique keys")
async def test_a_query_that_the_index_of_a_unique_key_narrows_finds_what_its_snapshot_has(
    lagging: tuple[CosmosServer, RawClient],
) -> None:
    _, raw = lagging
    chooser, headers = random.Random(5), {**partition_key("a"), "x-ms-max-item-count": "-1"}
    items = await keyed(raw)
    texts = ["a/1", "a/2", "a~", "ab/1", 'quo"te', "back\\slash", "é/1", "\U0001f600/1", "\U0001f600/2", 7, None]
    await raw.send("POST", items, {"id": "0", "pk": "b", "k": "a/1"}, partition_key("b"))
    past: dict[int, dict[str, Any]] = {0: {}, 1: {}}
    for lsn in range(2, 62):
        now = dict(past[lsn - 1])
        item_id, text = str(chooser.randrange(6)), chooser.choice([each for each in texts if each not in now.values()])
        now[item_id] = text
        body = {"id": item_id, "pk": "a", "k": text}
        await raw.send("POST", items, body, {**partition_key("a"), "x-ms-documentdb-is-upsert": "True"})
        past[lsn] = now
        for _ in range(4):
            prefixes = chooser.choices(["a", "a/", "ab", 'quo"', "back\\", "é", "\U0001f600"], k=2)
            last = chooser.choice("135")
            query = f"SELECT VALUE c.id FROM c WHERE c.id > '{last}' OR STARTSWITH(c.k, @p) OR STARTSWITH(c.k, @q)"
            answer = await raw.query(query, headers, items, p=prefixes[0], q=prefixes[1])
            expected = [
                item_id
                for item_id, k in sorted(past[answer.lsn].items())
                if item_id > last or (isinstance(k, str) and k.startswith(tuple(prefixes)))
            ]
            assert expected == answer.json["Documents"]


@pytest.mark.verified("docs", feature="Queries: narrowed by unique keys")
async def test_what_a_unique_key_finds_is_not_looked_for_in_the_whole_partition(
    lagging: tuple[CosmosServer, RawClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, raw = lagging
    items = await keyed(raw)
    for number in range(50):
        body = {"id": f"{number:03}", "pk": "a", "k": f"{number}/0"}
        await raw.send("POST", items, body, partition_key("a"))
    looked_at: list[str] = []
    step = Scan.step

    def counted(*arguments: Any) -> Any:
        found = step(*arguments)
        looked_at.extend(item.id for item in found[0])
        return found

    monkeypatch.setattr(Scan, "step", counted)
    query = "SELECT VALUE c.id FROM c WHERE c.id > '047' OR STARTSWITH(c.k, '12/') OR STARTSWITH(c.k, '47/')"
    answer = await raw.query(query, partition_key("a"), items)
    assert ["012", "047", "048", "049"] == answer.json["Documents"] == looked_at
