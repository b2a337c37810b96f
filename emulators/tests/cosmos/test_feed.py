"""The change feed in latest-version mode."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import pytest
from azure.cosmos.aio import ContainerProxy

from emulators.cosmos.server import CosmosServer
from emulators.tests.cosmos.raw import ITEMS, RawAnswer, RawClient, partition_key


def ids(answer: RawAnswer) -> list[str]:
    return [item["id"] for item in answer.json["Documents"]]


async def changes(container: ContainerProxy, **options: Any) -> list[str]:
    return [item["id"] async for item in container.query_items_change_feed(**options)]


async def create(container: ContainerProxy, *item_ids: str, pk: str = "a") -> None:
    for item_id in item_ids:
        await container.create_item({"id": item_id, "pk": pk})


@pytest.mark.verified("sdk", feature="Change feed: from the beginning")
async def test_the_feed_gives_each_item_once_in_the_order_of_its_last_change(container: ContainerProxy) -> None:
    await create(container, "1", "2", "3")
    await container.upsert_item({"id": "1", "pk": "a", "n": 2})
    await container.delete_item("2", "a")

    assert ["3", "1"] == await changes(container, start_time="Beginning")


@pytest.mark.verified("sdk", feature="Change feed: from now")
async def test_the_feed_from_now_begins_with_the_next_change(container: ContainerProxy) -> None:
    await create(container, "1")
    assert [] == await changes(container, start_time="Now")
    position = container.client_connection.last_response_headers["etag"]
    await create(container, "2")

    assert ["2"] == await changes(container, continuation=position)


@pytest.mark.verified("sdk", feature="Change feed: from a point in time")
async def test_the_feed_from_a_time_includes_that_second(container: ContainerProxy, server: CosmosServer) -> None:
    server.clock.freeze()
    await create(container, "1")
    server.clock.advance(10)
    start = datetime.fromtimestamp(server.clock.seconds(), UTC)
    await create(container, "2")
    server.clock.advance(10)
    await create(container, "3")

    assert ["2", "3"] == await changes(container, start_time=start)


@pytest.mark.verified("sdk", feature="Change feed: continuation")
async def test_the_feed_goes_on_where_a_continuation_says(container: ContainerProxy) -> None:
    await create(container, "1", "2", "3", "4")
    pages = container.query_items_change_feed(start_time="Beginning", max_item_count=3).by_page()
    first = [item["id"] async for item in await anext(pages)]

    rest = await changes(container, continuation=pages.continuation_token)  # type: ignore[attr-defined]

    assert (["1", "2", "3"], ["4"]) == (first, rest)


@pytest.mark.verified("sdk", feature="Change feed: of one partition key")
@pytest.mark.parametrize("key", ["a", 1.5, True])
async def test_the_feed_of_a_partition_key_has_only_its_items(container: ContainerProxy, key: Any) -> None:
    await create(container, "1", "2", pk=key)
    await create(container, "3", pk="b")

    assert ["1", "2"] == await changes(container, start_time="Beginning", partition_key=key)


@pytest.mark.verified("sdk", feature="Change feed: of a feed range")
async def test_the_feed_of_the_only_range_has_everything(container: ContainerProxy) -> None:
    await create(container, "1")
    await create(container, "2", pk="b")
    ranges = [feed_range async for feed_range in container.read_feed_ranges()]

    assert 1 == len(ranges)
    assert ["1", "2"] == await changes(container, start_time="Beginning", feed_range=ranges[0])


@pytest.mark.verified("trace", feature="Change feed: of one partition key by header, as .NET asks")
async def test_the_feed_is_filtered_by_the_partition_key_header(raw_container: RawClient) -> None:
    await raw_container.create({"id": "1", "pk": "a"})
    await raw_container.create({"id": "2", "pk": "b"})

    answer = await raw_container.feed(**partition_key("b"))

    assert ["2"] == ids(answer)


@pytest.mark.verified("trace", feature="Change feed: 304 with etag and item count")
async def test_a_feed_without_news_says_where_to_ask_from(raw_container: RawClient) -> None:
    await raw_container.create({"id": "1", "pk": "a"})
    first = await raw_container.feed()
    await raw_container.send("DELETE", f"{ITEMS}/1", None, partition_key("a"))

    nothing = await raw_container.feed(**{"If-None-Match": first.headers["etag"]})

    assert ('"1"', "1") == (first.headers["etag"], first.headers["x-ms-item-count"])
    assert (304, b"", '"2"', "0", 2) == (
        nothing.status,
        nothing.body,
        nothing.headers["etag"],
        nothing.headers["x-ms-item-count"],
        nothing.lsn,
    )


@pytest.mark.verified("docs", feature="Change feed: a page never splits a commit")
async def test_a_page_holds_whole_commits(raw_container: RawClient) -> None:
    for number in range(3):
        operations = [
            {"operationType": "Create", "resourceBody": {"id": f"{number}-{item}", "pk": "a"}} for item in range(3)
        ]
        await raw_container.batch("a", *operations)

    async def page(size: int, after: str | None = None) -> tuple[int, str]:
        headers = {"x-ms-max-item-count": str(size), **({"If-None-Match": after} if after else {})}
        answer = await raw_container.feed(**headers)
        return len(ids(answer)), answer.headers["etag"]

    assert (3, '"1"') == await page(1)
    assert (3, '"1"') == await page(5)
    assert (6, '"2"') == await page(6)
    assert (9, '"3"') == await page(-1)
    assert (6, '"3"') == await page(100, '"1"')


@pytest.mark.verified("docs", feature="Change feed: no order within a commit")
async def test_the_items_of_one_commit_come_in_any_order_but_always_the_same(raw_container: RawClient) -> None:
    expected = [str(number) for number in range(20)]
    await raw_container.batch(
        "a", *[{"operationType": "Create", "resourceBody": {"id": item, "pk": "a"}} for item in expected]
    )

    first, second = ids(await raw_container.feed()), ids(await raw_container.feed())

    assert first == second
    assert expected != first
    assert sorted(expected) == sorted(first)


@pytest.mark.verified("docs", feature="Change feed: items carry their LSN")
async def test_only_the_feed_tells_the_lsn_of_an_item(raw_container: RawClient) -> None:
    created = await raw_container.create({"id": "1", "pk": "a"})

    assert 1 == (await raw_container.feed()).json["Documents"][0]["_lsn"]
    assert "_lsn" not in created.json


@pytest.mark.verified("docs", feature="Change feed: foreign continuations are refused")
@pytest.mark.parametrize("etag", ['"99"', "garbage", '"-1"', '"1.5"'])
async def test_a_continuation_that_is_none_of_the_container_is_refused(raw_container: RawClient, etag: str) -> None:
    assert 400 == (await raw_container.feed(**{"If-None-Match": etag})).status


@pytest.mark.verified("trace", feature="Change feed: a continuation wins over a point in time")
async def test_a_continuation_wins_over_a_point_in_time(raw_container: RawClient) -> None:
    await raw_container.create({"id": "1", "pk": "a"})
    future = format_datetime(datetime(2100, 1, 1, tzinfo=UTC), usegmt=True)

    assert 304 == (await raw_container.feed(**{"If-Modified-Since": future})).status
    assert 200 == (await raw_container.feed(**{"If-Modified-Since": future, "If-None-Match": '"0"'})).status


@pytest.mark.verified("docs", feature="Change feed: all versions and deletes are refused by name")
async def test_the_feed_of_all_versions_is_refused_by_name(raw_container: RawClient) -> None:
    headers = {"A-IM": "Full-Fidelity Feed", "x-ms-cosmos-changefeed-wire-format-version": "2021-09-15"}

    answer = await raw_container.feed(**headers, **{"If-None-Match": "*"})

    assert 501 == answer.status
    assert "all versions and deletes" in answer.json["message"]


@pytest.mark.verified("trace", feature="Change feed: unknown ranges are gone (410/1002)")
async def test_an_unknown_range_is_gone(raw_container: RawClient) -> None:
    answer = await raw_container.feed(**{"x-ms-documentdb-partitionkeyrangeid": "7"})

    assert (410, 1002) == (answer.status, answer.substatus)


@pytest.mark.verified("docs", feature="Change feed: a page has at most 4 MB")
@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
async def test_a_page_ends_before_four_megabytes(raw_container: RawClient) -> None:
    for number in range(3):
        await raw_container.create({"id": str(number), "pk": "a", "text": "x" * 1_900_000})

    assert ["0", "1"] == ids(await raw_container.feed())
