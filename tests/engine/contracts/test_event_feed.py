"""The contract of the event feed, as tools read it."""

import base64
import json
import uuid
from collections.abc import Sequence
from typing import Any, cast

import pytest
from azure.cosmos.aio import DatabaseProxy

from emulators.cosmos.server import CosmosServer
from engine.consuming.feed.cosmos import CosmosEventFeed
from engine.consuming.feed.port import EventFeed, FeedRange
from engine.storing.containers import EVENTS, LEASES
from engine.storing.cosmos import CosmosEventStore
from engine.storing.cosmos_account import open_client
from engine.storing.errors import FeedReset
from engine.storing.port import EventStore, Head
from tests.engine.contracts.conftest import Adapters
from tests.engine.contracts.connections import cosmos, provisioned
from tests.engine.contracts.test_event_store import event


async def appended(store: EventStore, streams: Sequence[str]) -> set[str]:
    for stream in streams:
        await store.append(stream, Head(0, ""), [event(stream, 1), event(stream, 2)])
    return set(streams)


def some(count: int) -> Sequence[str]:
    return [f"guest-{uuid.uuid4()}" for _ in range(count)]


async def walked(feed: EventFeed, where: FeedRange, position: str | None, head: str) -> tuple[list[str], str]:
    """The streams, once for each of their events, and where the walk has come to."""
    found = list[str]()
    while position is None or not feed.has_reached(position, head):
        page = await feed.read(where, position, 3)
        found += [item["streamId"] for item in page.items]
        assert feed.transactions(position) <= feed.transactions(page.position)
        position = page.position
    return found, position


def feed_of(database: DatabaseProxy) -> CosmosEventFeed:
    leases = database.get_container_client(LEASES.name)
    return CosmosEventFeed(database.get_container_client(EVENTS.name), leases, "")


async def test_all_ranges_together_bring_every_event_up_to_the_head_and_go_on_from_there(adapters: Adapters) -> None:
    streams = await appended(adapters.store, some(9))
    found, later = list[str](), list[str]()
    ends = {}
    for each in await adapters.feed.ranges():
        head = await adapters.feed.head(each)
        its, ends[each] = await walked(adapters.feed, each, None, head)
        assert adapters.feed.transactions(head) == adapters.feed.transactions(ends[each])
        found += its
    newer = await appended(adapters.store, some(5))
    for each, end in ends.items():
        its, _ = await walked(adapters.feed, each, end, await adapters.feed.head(each))
        later += its
    assert streams <= set(found)
    if adapters.name == "memory":
        assert ([2] * 9, newer, 10) == ([found.count(each) for each in streams], set(later), len(later))
    assert newer <= {*found, *later}


async def test_a_split_on_the_way_loses_nothing() -> None:
    async with CosmosServer.start(port=0) as server, open_client(cosmos(server.connection_string)) as client:
        database = await provisioned(client, "contract-tests")
        container = database.get_container_client(EVENTS.name)
        store, feed = CosmosEventStore(container), feed_of(database)
        streams = await appended(store, some(8))
        (only,) = await feed.ranges()
        before = await feed.head(only)
        page = await feed.read(only, None, 4)
        server.split("contract-tests", EVENTS.name, "0")
        newer = await appended(store, some(8))
        found, at = await walked(feed, only, page.position, before)
        head = await feed.head(only)
        assert not feed.has_reached(before, head)
        more, end = await walked(feed, only, at, head)
        assert streams | newer == {*found, *more, *(item["streamId"] for item in page.items)}
        assert feed.has_reached(end, before)
        assert feed.has_reached(end, head)


async def test_a_container_that_was_made_anew_is_noticed() -> None:
    async with CosmosServer.start(port=0) as server, open_client(cosmos(server.connection_string)) as client:
        database = await provisioned(client, "contract-tests")
        await appended(CosmosEventStore(database.get_container_client(EVENTS.name)), some(1))
        feed = feed_of(database)
        (only,) = await feed.ranges()
        page = await feed.read(only, None, 4)
        await database.delete_container(EVENTS.name)
        await provisioned(client, "contract-tests")
    async with CosmosServer.start(port=0) as server, open_client(cosmos(server.connection_string)) as client:
        database = await provisioned(client, "contract-tests")
        anew = feed_of(database)
        with pytest.raises(FeedReset):
            await anew.read(only, page.position, 4)


def token(*places: tuple[str, str, int]) -> str:
    """A continuation as the SDK makes it, of these key ranges and LSNs."""
    parts = [{"token": f'"{lsn}"', "range": {"min": first, "max": end}} for first, end, lsn in places]
    return base64.b64encode(json.dumps({"continuation": {"continuation": parts}}).encode()).decode()


@pytest.mark.parametrize(
    ("continuation", "head", "reached"),
    [
        (token(("", "FF", 5)), token(("", "FF", 5)), True),
        (token(("", "FF", 4)), token(("", "FF", 5)), False),
        (token(("", "8", 5), ("8", "FF", 4)), token(("", "FF", 5)), False),
        (token(("", "8", 5), ("8", "FF", 6)), token(("", "FF", 5)), True),
        (token(("8", "FF", 9), ("", "8", 7)), token(("", "8", 7), ("8", "FF", 9)), True),
        (token(("8", "FF", 8), ("", "8", 9)), token(("", "8", 7), ("8", "FF", 9)), False),
        (token(("", "FF", 8)), token(("", "8", 7), ("8", "FF", 9)), False),
    ],
)
def test_a_head_is_reached_when_every_part_of_the_range_has_reached_it(
    continuation: str, head: str, reached: bool
) -> None:
    assert reached == CosmosEventFeed(cast("Any", None), cast("Any", None), "").has_reached(continuation, head)
