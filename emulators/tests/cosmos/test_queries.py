"""Queries over the wire: partitions, pages, order, indexes."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable
from typing import Any

import pytest
from azure.cosmos import PartitionKey
from azure.cosmos.aio import ContainerProxy, DatabaseProxy
from azure.cosmos.exceptions import CosmosHttpResponseError

from emulators.cosmos import pages
from emulators.cosmos.operations import queries
from emulators.cosmos.scan import Scan
from emulators.cosmos.server import CosmosServer
from emulators.cosmos.sql.evaluate import Row
from emulators.cosmos.sql.plan import Collector
from emulators.tests.cosmos.raw import CROSS_PARTITION, ITEMS, RawClient, partition_key


async def fill(container: ContainerProxy, count: int = 10, keys: int = 2) -> None:
    for number in range(count):
        await container.create_item({"id": f"{number:03}", "pk": str(number % keys), "n": number, "m": number % 3})


async def values(container: ContainerProxy, text: str, **options: Any) -> list[Any]:
    return [value async for value in container.query_items(text, **options)]


@pytest.mark.verified("sdk", feature="Queries: within a partition key")
async def test_a_query_of_a_partition_key_sees_only_its_items(container: ContainerProxy) -> None:
    await fill(container)

    assert ["001", "003", "005", "007", "009"] == await values(container, "SELECT VALUE c.id FROM c", partition_key="1")


@pytest.mark.verified("sdk", feature="Queries: across partition keys")
async def test_a_query_across_partition_keys_is_ordered_and_aggregated_here(
    container: ContainerProxy, server: CosmosServer
) -> None:
    await fill(container)
    server.requests.clear()

    ordered = await values(container, "SELECT VALUE c.n FROM c WHERE c.n >= @low ORDER BY c.n DESC",
                           parameters=[{"name": "@low", "value": 7}])  # fmt: skip
    counted = await values(container, "SELECT VALUE COUNT(1) FROM c")

    assert [9, 8, 7] == ordered
    assert [10] == counted
    assert [] == server.requests.of("queryplan")


@pytest.mark.verified("sdk", feature="Queries: features that a client lacks are refused by name")
@pytest.mark.parametrize(
    ("text", "features", "within"),
    [
        ("SELECT c.m, COUNT(1) AS n FROM c GROUP BY c.m", "GroupBy NonValueAggregate", 3),
        ("SELECT VALUE c.m FROM c GROUP BY c.m", "GroupBy", 3),
        ("SELECT COUNT(1) AS n FROM c", "NonValueAggregate", 1),
        ("SELECT COUNT(1) FROM c WHERE c.pk = '1'", "NonValueAggregate", 1),
        ("SELECT MIN(c.n) AS low, MAX(c.n) AS high FROM c", "MultipleAggregates NonValueAggregate", 1),
        ("SELECT c.m, MAX(c.n), SUM(c.n) FROM c GROUP BY c.m", "GroupBy MultipleAggregates NonValueAggregate", 3),
        ("SELECT VALUE COUNT(1) FROM (SELECT DISTINCT VALUE c.m FROM c)", "DCount", 1),
        ("SELECT COUNT(1) AS n FROM (SELECT DISTINCT c.m FROM c)", "NonValueAggregate DCount", 1),
    ],
)
async def test_what_the_sdk_cannot_combine_is_refused_across_partition_keys_and_answered_within_one(
    container: ContainerProxy, text: str, features: str, within: int
) -> None:
    await fill(container)

    with pytest.raises(CosmosHttpResponseError, match="which the calling client does not support") as refused:
        await values(container, text)

    assert 400 == refused.value.status_code
    assert f"None {features} " in refused.value.message
    assert within == len(await values(container, text, partition_key="1"))


@pytest.mark.verified("docs", feature="Queries: features that a client lacks are refused by name")
async def test_a_client_that_has_the_features_gets_a_plan_and_its_answer(raw_container: RawClient) -> None:
    for number in range(4):
        await raw_container.create({"id": str(number), "pk": str(number), "m": number % 2})
    text = "SELECT c.m, COUNT(1) AS n FROM c GROUP BY c.m"

    first = await raw_container.query(text, CROSS_PARTITION)
    plan = await raw_container.plan(text)
    unnamed = await raw_container.plan("SELECT VALUE COUNT(1) FROM c", None)
    planned = await raw_container.query(text, {**CROSS_PARTITION, "x-ms-documentdb-partitionkeyrangeid": "0"})

    assert (400, 1004) == (first.status, first.substatus)
    assert (200, 400) == (plan.status, unnamed.status)
    assert "None Aggregate " in unnamed.json["message"]
    assert [{"m": 0, "n": 2}, {"m": 1, "n": 2}] == planned.json["Documents"]


CITIES = "SELECT DISTINCT VALUE c.city FROM c"


class TestSubqueriesOfAllItems:
    """A subquery in FROM that has no result before the last item was seen."""

    async def filled(self, raw: RawClient) -> RawClient:
        for number in range(10):
            city = ("Bonn", "Lyon", "Oslo")[number % 3]
            await raw.create({"id": f"{number:03}", "pk": "a", "city": city, "n": number, "tags": ["x", "y"]})
        return raw

    @pytest.mark.verified("docs", feature="SQL: a subquery in FROM sees all items")
    @pytest.mark.parametrize(
        ("text", "results"),
        [
            ("SELECT VALUE COUNT(1) FROM (SELECT DISTINCT c.city FROM c)", [3]),
            ("SELECT VALUE COUNT(1) FROM (SELECT c.city FROM c GROUP BY c.city)", [3]),
            ("SELECT VALUE COUNT(1) FROM (SELECT DISTINCT c.city FROM c WHERE c.n > 7) AS k", [2]),
            ("SELECT COUNT(k) AS n FROM (SELECT DISTINCT VALUE c.city FROM c) AS k WHERE k != 'Bonn'", [{"n": 2}]),
            ("SELECT VALUE k FROM (SELECT VALUE COUNT(1) FROM c) AS k", [10]),
            ("SELECT VALUE MAX(k.n) FROM (SELECT c.city, COUNT(1) AS n FROM c GROUP BY c.city) AS k", [4]),
            (f"SELECT VALUE k FROM ({CITIES}) AS k", ["Bonn", "Lyon", "Oslo"]),
            (f"SELECT TOP 1 VALUE k FROM ({CITIES}) AS k WHERE k > 'Lyon'", ["Oslo"]),
            (f"SELECT VALUE k FROM ({CITIES}) AS k WHERE k < 'Oslo' OFFSET 2 LIMIT 1", []),
            (f"SELECT VALUE COUNT(1) FROM (SELECT DISTINCT VALUE LENGTH(k) FROM ({CITIES}) AS k)", [1]),
            (f"SELECT VALUE COUNT(1) FROM (SELECT VALUE k FROM ({CITIES}) AS k)", [3]),
            ("SELECT VALUE t FROM t IN (SELECT DISTINCT VALUE c.tags FROM c)", ["x", "y"]),
            (f"SELECT k, t FROM ({CITIES}) AS k JOIN (SELECT VALUE UPPER(k)) AS t WHERE k = 'Oslo'",
             [{"k": "Oslo", "t": "OSLO"}]),
            # Each of these has results for every item on its own.
            ("SELECT VALUE COUNT(1) FROM (SELECT c.city FROM c)", [10]),
            ("SELECT VALUE COUNT(1) FROM c JOIN (SELECT DISTINCT VALUE c.city FROM c)", [10]),
            ("SELECT VALUE SUM(k) FROM (SELECT VALUE ARRAY_LENGTH(c.tags) FROM c) AS k", [20]),
        ],
    )  # fmt: skip
    async def test_it_has_its_results_once_and_not_once_per_item(
        self, raw_container: RawClient, text: str, results: list[Any]
    ) -> None:
        raw = await self.filled(raw_container)

        answer = await raw.query(text, {**partition_key("a"), "x-ms-max-item-count": "-1"})

        # Distinct values and groups have no order of their own.
        assert sorted(results, key=str) == sorted(answer.json["Documents"], key=str)

    @pytest.mark.verified("docs", feature="SQL: a subquery in FROM sees all items")
    async def test_its_results_come_in_pages(self, raw_container: RawClient) -> None:
        raw = await self.filled(raw_container)
        found, headers = [], {**partition_key("a"), "x-ms-max-item-count": "1"}
        while True:
            answer = await raw.query(f"SELECT VALUE k FROM ({CITIES}) AS k", headers)
            found += answer.json["Documents"]
            if (token := answer.headers.get("x-ms-continuation")) is None:
                break
            headers = {**headers, "x-ms-continuation": token}

        assert ["Bonn", "Lyon", "Oslo"] == sorted(found)

    @pytest.mark.verified("docs", feature="SQL: what is not supported is refused by name")
    async def test_across_partition_keys_only_a_count_of_distinct_values_is_combined(
        self, raw_container: RawClient, server: CosmosServer
    ) -> None:
        raw = await self.filled(raw_container)
        other = f"SELECT VALUE k FROM ({CITIES}) AS k"
        distinct = f"SELECT VALUE COUNT(1) FROM ({CITIES})"
        of_range = {**CROSS_PARTITION, "x-ms-documentdb-partitionkeyrangeid": "0"}

        for refused in (await raw.query(other, CROSS_PARTITION), await raw.plan(other)):
            assert (501, True) == (refused.status, "a subquery in FROM" in refused.json["message"])
        assert 200 == (await raw.plan(distinct)).status
        assert [3] == (await raw.query(distinct, of_range)).json["Documents"]
        server.split("shop", "items")
        assert 501 == (await raw.plan(distinct)).status

    @pytest.mark.verified("docs", feature="SQL: what is not supported is refused by name")
    @pytest.mark.parametrize(
        ("text", "status", "named"),
        [
            ("SELECT VALUE (SELECT VALUE COUNT(1) FROM x) FROM c", 400, "SC2001"),
            ("SELECT VALUE c.n FROM c WHERE c.n = (SELECT VALUE MAX(x.n) FROM x)", 400, "SC2001"),
            ("SELECT VALUE c.n FROM c JOIN (SELECT DISTINCT VALUE x.city FROM x) AS k", 400, "SC2001"),
            ("SELECT VALUE EXISTS(SELECT VALUE t FROM t IN x.tags) FROM c", 400, "SC2001"),
            ("SELECT VALUE (SELECT VALUE COUNT(1) FROM c)", 501, "a subquery over the container"),
        ],
    )
    async def test_no_other_subquery_ranges_over_the_container(
        self, raw_container: RawClient, text: str, status: int, named: str
    ) -> None:
        raw = await self.filled(raw_container)

        answer = await raw.query(text, partition_key("a"))

        assert (status, True) == (answer.status, named in answer.json["message"])


@pytest.mark.verified("sdk", feature="Queries: pages and continuation tokens")
@pytest.mark.parametrize(
    "text",
    [
        "SELECT VALUE c.n FROM c",
        "SELECT VALUE c.n FROM c WHERE c.m != 1",
        "SELECT VALUE c.n FROM c ORDER BY c.n DESC",
        "SELECT VALUE c.n FROM c ORDER BY c.m",
        "SELECT DISTINCT VALUE c.n FROM c",
        "SELECT TOP 7 VALUE c.n FROM c ORDER BY c.n",
        "SELECT VALUE c.n FROM c ORDER BY c.n OFFSET 2 LIMIT 6",
        "SELECT VALUE c.n FROM c OFFSET 2 LIMIT 6",
        "SELECT VALUE c.n + x FROM c JOIN (SELECT VALUE y FROM y IN c.list) AS x",
        "SELECT VALUE c.n + x FROM c JOIN x IN c.list",
    ],
)
async def test_pages_add_up_to_the_whole_result(container: ContainerProxy, text: str) -> None:
    for number in range(10):
        await container.create_item(
            {"id": f"{number:03}", "pk": str(number % 2), "n": number, "m": number % 3, "list": [0.1, 0.2, 0.3]}
        )
    await check_pages(container, text)


@pytest.mark.verified("sdk", feature="Queries: pages and continuation tokens")
async def test_pages_of_groups_add_up_within_a_partition_key(container: ContainerProxy) -> None:
    await fill(container)
    await check_pages(container, "SELECT VALUE c.n FROM c GROUP BY c.n", partition_key="1")


async def check_pages(container: ContainerProxy, text: str, **options: Any) -> None:
    whole = await values(container, text, **options)

    paged: list[Any] = []
    token = None
    while True:
        pages = container.query_items(text, max_item_count=2, **options).by_page(token)
        page = [value async for value in await anext(pages)]
        assert len(page) <= 2
        paged += page
        token = pages.continuation_token  # type: ignore[attr-defined]
        if not token:
            break

    assert whole == paged
    assert len(whole) > 2


@pytest.mark.verified("docs", feature="Queries: pages and continuation tokens")
@pytest.mark.parametrize("token", ["garbage", "e30=", "W10=", "WyJ4IiwxLG51bGwsMCxudWxsXQ=="])
async def test_a_continuation_token_that_is_garbage_is_refused(raw_container: RawClient, token: str) -> None:
    answer = await raw_container.query("SELECT * FROM c", {**partition_key("a"), "x-ms-continuation": token})

    assert 400 == answer.status


@pytest.mark.verified("docs", feature="Queries: pages and continuation tokens")
async def test_a_continuation_token_of_another_query_is_refused(raw_container: RawClient) -> None:
    for number in range(3):
        await raw_container.create({"id": str(number), "pk": "a"})
    headers = {**partition_key("a"), "x-ms-max-item-count": "1"}
    token = (await raw_container.query("SELECT * FROM c", headers)).headers["x-ms-continuation"]

    answer = await raw_container.query("SELECT c.id FROM c", {**headers, "x-ms-continuation": token})

    assert 400 == answer.status


@pytest.mark.verified("docs", feature="Queries: items that change between two pages")
async def test_an_ordered_query_neither_skips_nor_repeats_when_items_come_and_go(raw_container: RawClient) -> None:
    for number in (2, 4, 6, 8):
        await raw_container.create({"id": str(number), "pk": "a", "n": number})
    headers = {**partition_key("a"), "x-ms-max-item-count": "2"}
    text = "SELECT VALUE c.n FROM c ORDER BY c.n"
    first = await raw_container.query(text, headers)
    await raw_container.create({"id": "1", "pk": "a", "n": 1})
    await raw_container.create({"id": "5", "pk": "a", "n": 5})
    await raw_container.send("DELETE", f"{ITEMS}/2", None, partition_key("a"))

    rest = await raw_container.query(text, {**headers, "x-ms-continuation": first.headers["x-ms-continuation"]})

    assert ([2, 4], [5, 6]) == (first.json["Documents"], rest.json["Documents"])


@pytest.mark.verified("docs", feature="Queries: narrowed by partition key and id")
async def test_narrowing_the_search_changes_no_result(container: ContainerProxy, raw: RawClient) -> None:
    chooser = random.Random(7)
    names = ["a", "ab", "b", "B", "é", "\U0010ffff", "\ud7ff", "10", "9"]
    for item_id in names:
        for key in ("x", "y", 1, None):
            await raw.create({"id": item_id, "pk": key, "n": len(item_id)})
    everything = (await raw.query("SELECT c.id, c.pk, c.n FROM c", CROSS_PARTITION)).json["Documents"]
    assert len(names) * 4 == len(everything)

    def condition() -> tuple[str, Any]:
        name, key = chooser.choice(names), chooser.choice(["x", "y", 1, None, "none"])
        text = chooser.choice(["<", "<=", ">", ">=", "=", "STARTSWITH", "IN", "pk", "n", "BETWEEN"])
        match text:
            case "STARTSWITH":
                return f"STARTSWITH(c.id, '{name}')", lambda item: item["id"].startswith(name)
            case "IN":
                return f"c.id IN ('{name}', 'ab')", lambda item: item["id"] in {name, "ab"}
            case "pk":
                literal = "null" if key is None else f"{key!r}"
                return f"c.pk = {literal}", lambda item: item["pk"] == key and type(item["pk"]) is type(key)
            case "n":
                return "c.n = 2", lambda item: item["n"] == 2
            case "BETWEEN":
                return f"(c.id BETWEEN 'a' AND '{name}')", lambda item: "a" <= item["id"] <= name
            case _:
                compare = {
                    "<": str.__lt__, "<=": str.__le__, ">": str.__gt__, ">=": str.__ge__, "=": str.__eq__,
                }[text]  # fmt: skip
                return f"c.id {text} '{name}'", lambda item: compare(item["id"], name)

    for number in range(200):
        texts, tests = zip(*(condition() for _ in range(4)), strict=True)
        if number % 3:
            text = f"{texts[0]} AND {texts[1]}"
            expected = [item for item in everything if tests[0](item) and tests[1](item)]
        else:
            text = f"({texts[0]} AND {texts[1]}) OR ({texts[2]} AND {texts[3]})"
            expected = [
                item
                for item in everything
                if (tests[0](item) and tests[1](item)) or (tests[2](item) and tests[3](item))
            ]
        headers = CROSS_PARTITION
        if number % 2:
            headers = partition_key("x")
            expected = [item for item in expected if item["pk"] == "x"]

        answer = await raw.query(
            f"SELECT c.id, c.pk, c.n FROM c WHERE {text}", {**headers, "x-ms-max-item-count": "-1"}
        )

        assert expected == answer.json["Documents"], text


@pytest.mark.verified("sdk", feature="Queries: hierarchical partition keys")
async def test_a_prefix_of_a_hierarchical_key_finds_all_below_it(database: DatabaseProxy) -> None:
    container = await database.create_container("tree", PartitionKey(["/tenant", "/user"], kind="MultiHash"))
    for tenant, user in (("a", "1"), ("a", "2"), ("b", "1")):
        await container.create_item({"id": "x", "tenant": tenant, "user": user})

    assert "2" == (await container.read_item("x", ["a", "2"]))["user"]
    by_prefix = await values(container, "SELECT VALUE c.user FROM c", partition_key=["a"])
    by_key = await values(container, "SELECT VALUE c.user FROM c", partition_key=["b", "1"])
    changed = [i async for i in container.query_items_change_feed(start_time="Beginning", partition_key=["a"])]

    assert (["1", "2"], ["1"], 2) == (sorted(by_prefix), by_key, len(changed))


@pytest.mark.verified("docs", feature="Queries: hierarchical partition keys")
async def test_an_item_operation_needs_the_whole_hierarchical_key(raw: RawClient) -> None:
    await raw.send("POST", "/dbs", {"id": "shop"})
    paths = {"paths": ["/tenant", "/user"], "kind": "MultiHash", "version": 2}
    await raw.send("POST", "/dbs/shop/colls", {"id": "items", "partitionKey": paths})

    answer = await raw.send("POST", ITEMS, {"id": "x", "tenant": "a", "user": "1"}, partition_key("a"))

    assert (400, 1001) == (answer.status, answer.substatus)


@pytest.mark.verified("docs", feature="Queries: ORDER BY needs an index")
async def test_an_order_without_an_index_is_refused(database: DatabaseProxy) -> None:
    policy: Any = {"includedPaths": [{"path": "/kept/?"}], "excludedPaths": [{"path": "/*"}]}
    container = await database.create_container("c", PartitionKey("/pk"), indexing_policy=policy)
    await container.create_item({"id": "1", "pk": "a", "n": 1, "kept": 1})

    for path in ("c.kept", "c.id", "c._ts"):
        assert ["1"] == await values(container, f"SELECT VALUE c.id FROM c ORDER BY {path}", partition_key="a")
    for text in ("SELECT * FROM c ORDER BY c.n", "SELECT * FROM c ORDER BY c.kept, c.id"):
        with pytest.raises(CosmosHttpResponseError) as refused:
            await values(container, text, partition_key="a")
        assert 400 == refused.value.status_code


@pytest.mark.verified("docs", feature="Queries: ORDER BY several properties needs a composite index")
async def test_an_order_of_several_properties_is_served_by_its_composite_index(database: DatabaseProxy) -> None:
    composite = [{"path": "/m", "order": "ascending"}, {"path": "/n", "order": "descending"}]
    policy: Any = {"includedPaths": [{"path": "/*"}], "compositeIndexes": [composite]}
    container = await database.create_container("c", PartitionKey("/pk"), indexing_policy=policy)
    await fill(container, 6, 1)

    assert [3, 0, 4, 1, 5, 2] == await values(container, "SELECT VALUE c.n FROM c ORDER BY c.m, c.n DESC")
    assert [2, 5, 1, 4, 0, 3] == await values(container, "SELECT VALUE c.n FROM c ORDER BY c.m DESC, c.n")
    with pytest.raises(CosmosHttpResponseError) as refused:
        await values(container, "SELECT VALUE c.n FROM c ORDER BY c.m, c.n")
    assert "composite index" in refused.value.message


@pytest.mark.verified("docs", feature="Queries: ORDER BY and missing properties")
async def test_an_order_leaves_out_items_without_the_property_unless_its_path_is_named(
    database: DatabaseProxy,
) -> None:
    named: Any = {"includedPaths": [{"path": "/*"}, {"path": "/n/?"}]}
    for name, policy, expected in (("default", None, ["2"]), ("named", named, ["1", "2"])):
        container = await database.create_container(name, PartitionKey("/pk"), indexing_policy=policy)
        await container.create_item({"id": "1", "pk": "a"})
        await container.create_item({"id": "2", "pk": "a", "n": 1})

        assert expected == await values(container, "SELECT VALUE c.id FROM c ORDER BY c.n", partition_key="a")


@pytest.mark.verified("docs", feature="Queries: across partition keys only when enabled")
async def test_a_query_across_partition_keys_must_be_enabled(raw_container: RawClient) -> None:
    await raw_container.create({"id": "1", "pk": "a"})

    refused = await raw_container.query("SELECT * FROM c")
    of_one_key = await raw_container.query("SELECT * FROM c WHERE c.pk = 'a'")
    enabled = await raw_container.query("SELECT * FROM c", CROSS_PARTITION)

    assert (400, True) == (refused.status, "Cross partition query is required" in refused.json["message"])
    assert (200, 200) == (of_one_key.status, enabled.status)


@pytest.mark.verified("docs", feature="Queries: without FROM, one result")
async def test_a_query_without_a_source_has_one_result(container: ContainerProxy) -> None:
    assert [6] == await values(container, "SELECT VALUE LENGTH('sample')")
    await fill(container)

    assert [{"$1": 7}] == await values(container, "SELECT 1 + 2 * 3", partition_key="1")
    assert [True] == await values(container, "SELECT VALUE CONTAINS(UPPER('abc'), 'B')")


@pytest.mark.verified("trace", feature="Queries: parts of aggregates are not combined across partition keys")
async def test_an_expression_over_an_aggregate_stays_within_a_partition_key(container: ContainerProxy) -> None:
    await fill(container)

    for text in ("SELECT VALUE {'most': MAX(c.n)} FROM c", "SELECT MAX(c.n) / 2 FROM c"):
        with pytest.raises(CosmosHttpResponseError, match="Compositions of aggregates") as refused:
            await values(container, text)
        assert 400 == refused.value.status_code
    assert [{"most": 9}] == await values(container, "SELECT VALUE {'most': MAX(c.n)} FROM c", partition_key="1")


@pytest.mark.verified("sdk", feature="Queries: errors")
async def test_a_query_in_error_is_refused(container: ContainerProxy) -> None:
    with pytest.raises(CosmosHttpResponseError) as refused:
        await values(container, "SELECT * FORM c")

    assert 400 == refused.value.status_code
    assert "SC1001" in refused.value.message


@pytest.mark.verified("docs", feature="Queries: a page has at most 4 MB")
@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
@pytest.mark.parametrize("text", ["SELECT * FROM c", "SELECT * FROM c ORDER BY c.n", ""])
async def test_a_page_ends_before_four_megabytes(raw_container: RawClient, text: str) -> None:
    for number in range(3):
        await raw_container.create({"id": str(number), "pk": "a", "n": number, "text": "x" * 1_900_000})

    async def page(continuation: str | None) -> tuple[list[str], str | None]:
        headers = {**partition_key("a"), **({"x-ms-continuation": continuation} if continuation else {})}
        answer = await (raw_container.query(text, headers) if text else raw_container.send("GET", ITEMS, None, headers))
        return [item["id"] for item in answer.json["Documents"]], answer.headers.get("x-ms-continuation")

    first, token = await page(None)
    rest, end = await page(token)

    assert (["0", "1"], ["2"], None) == (first, rest, end)


@pytest.mark.verified("docs", feature="Queries: many items")
async def test_a_query_of_more_items_than_a_step_of_the_scan_finds_them_all(raw_container: RawClient) -> None:
    for start in range(0, 700, 100):
        operations = [
            {"operationType": "Create", "resourceBody": {"id": f"{start + n:04}", "pk": "a"}} for n in range(100)
        ]
        await raw_container.batch("a", *operations)
    headers = {**partition_key("a"), "x-ms-max-item-count": "-1"}

    upwards = (await raw_container.query("SELECT VALUE c.id FROM c ORDER BY c.id", headers)).json["Documents"]
    downwards = (await raw_container.query("SELECT VALUE c.id FROM c ORDER BY c.id DESC", headers)).json["Documents"]
    latest = (await raw_container.query("SELECT TOP 3 VALUE c.id FROM c ORDER BY c.id DESC", headers)).json["Documents"]
    counted = (await raw_container.query("SELECT VALUE COUNT(1) FROM c", headers)).json["Documents"]

    assert [f"{number:04}" for number in range(700)] == upwards == downwards[::-1]
    assert (["0699", "0698", "0697"], [700]) == (latest, counted)


@pytest.mark.verified("docs", feature="Queries: a page ends after some time, with few results or none")
async def test_a_page_ends_when_it_has_looked_at_many_items(
    raw_container: RawClient, server: CosmosServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "_STEP", 4)
    monkeypatch.setattr(pages, "MAX_SCANNED", 8)
    await raw_container.batch("a", *[create(number) for number in range(30)])
    text = "SELECT TOP 3 VALUE c.n FROM c WHERE c.n >= 10"

    found, headers = [], partition_key("a")
    while True:
        answer = await raw_container.query(text, headers)
        found.append(answer.json["Documents"])
        if (token := answer.headers.get("x-ms-continuation")) is None:
            break
        headers = {**partition_key("a"), "x-ms-continuation": token}

    assert [[], [10, 11, 12]] == found


def create(number: int, **more: Any) -> dict[str, Any]:
    body = {"id": f"{number:03}", "pk": "a", "n": number, **more}
    return {"operationType": "Create", "resourceBody": body}


@pytest.mark.verified("docs", feature="Queries: many items")
@pytest.mark.parametrize("direction", ["", " DESC"])
async def test_an_ordered_query_keeps_no_more_than_a_page_of_many_items(
    container: ContainerProxy, raw: RawClient, monkeypatch: pytest.MonkeyPatch, direction: str
) -> None:
    kept = []

    class Counted(Collector):
        def add(self, rows: Iterable[Row], position: tuple[Any, ...] = ()) -> None:
            super().add(rows, position)
            kept.append(len(self._results))

    monkeypatch.setattr(pages, "Collector", Counted)
    for start in range(0, 300, 100):
        await raw.batch("a", *[create(number, m=number % 7) for number in range(start, start + 100)])
    query = f"SELECT c.m, c.n FROM c ORDER BY c.m{direction} OFFSET 20 LIMIT 250"

    found = await values(container, query, partition_key="a", max_item_count=30)

    reverse = bool(direction)
    expected = sorted(({"m": n % 7, "n": n} for n in range(300)), key=lambda item: item["m"], reverse=reverse)
    assert expected[20:270] == found
    assert max(kept) <= 2 * (20 + 30 + 1)


@pytest.mark.verified("docs", feature="Queries: many items")
async def test_items_are_counted_without_being_read(
    database: DatabaseProxy, server: CosmosServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    container = await database.create_container("c", PartitionKey("/pk"), default_ttl=-1)
    server.clock.freeze()
    await fill(container)
    await container.create_item({"id": "short", "pk": "1", "ttl": 5})
    server.clock.advance(5)

    def never(*_: Any) -> Any:
        raise AssertionError("an item was read")

    monkeypatch.setattr(Scan, "step", never)
    assert [10] == await values(container, "SELECT VALUE COUNT(1) FROM c")
    assert [5] == await values(container, "SELECT VALUE COUNT(1) FROM c", partition_key="1")
    assert [] == await values(container, "SELECT VALUE COUNT(1) FROM c OFFSET 1 LIMIT 1")


@pytest.mark.verified("docs", feature="Queries: end when their client has gone")
async def test_a_query_ends_when_its_client_has_gone(
    raw_container: RawClient, server: CosmosServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def for_ever(*_: Any) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    monkeypatch.setattr(queries, "fill_from_all", for_ever)
    asking = asyncio.create_task(raw_container.query("SELECT * FROM c ORDER BY c.n", partition_key("a")))
    await begun.wait()
    asking.cancel()

    await asyncio.wait_for(ended.wait(), 10)


@pytest.mark.verified("trace", feature="Queries: a plan that passes everything through")
async def test_a_query_plan_asks_the_client_to_pass_everything_through(raw_container: RawClient) -> None:
    plan = await raw_container.plan("SELECT VALUE COUNT(1) FROM c")
    bad = await raw_container.plan("SELECT")

    assert [{"min": "", "max": "FF", "isMinInclusive": True, "isMaxInclusive": False}] == plan.json["queryRanges"]
    assert "" == plan.json["queryInfo"]["rewrittenQuery"]
    assert (400, True) == (bad.status, "SC1001" in bad.json["message"])
