"""What every look at the change feed promises, and what the lag of a consumer is on the local Cosmos DB."""

import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from emulators.cosmos.server import CosmosServer
from engine.consuming.feed.cosmos import CosmosEventFeed
from engine.consuming.feed.leases import monitored
from engine.consuming.feed.port import WHOLE, EventFeed, FeedRange
from engine.consuming.lag import Lags, PartitionLag
from engine.storing.containers import EVENTS, LEASES
from engine.storing.cosmos import CosmosEventStore
from engine.storing.cosmos_account import open_client
from tests.engine.contracts.conftest import Adapters
from tests.engine.contracts.connections import cosmos, provisioned
from tests.engine.contracts.test_event_store import filled, long_stream

MOST_LOOKS = 200


async def followed(feed: EventFeed, stream: str, count: int, limit: int = 100) -> list[int]:
    """The versions of a stream that the feed brings, from its beginning. The replica that is asked may lag."""
    found, position, looks = list[int](), dict[FeedRange, str | None](), 0
    ranges = await feed.ranges()
    while len(found) < count and looks < MOST_LOOKS:
        for where in ranges:
            looks += 1
            page = await feed.read(where, position.get(where), limit)
            position[where] = page.position
            found += [item["version"] for item in page.items if item["streamId"] == stream]
    return found


class TestTheFeed:
    async def test_it_brings_every_event_once_in_pages(self, adapters: Adapters) -> None:
        stream = f"guest-{uuid.uuid4()}"
        await filled(adapters.store, stream, 7)
        assert [1, 2, 3, 4, 5, 6, 7] == await followed(adapters.feed, stream, 7, limit=2)

    async def test_a_page_holds_whole_transactions(self, adapters: Adapters) -> None:
        stream = f"guest-{uuid.uuid4()}"
        await long_stream(adapters.store, stream, 30)
        assert [*range(1, 31)] == sorted(await followed(adapters.feed, stream, 30, limit=2))

    async def test_its_ranges_are_all_of_it(self, adapters: Adapters) -> None:
        ranges = await adapters.feed.ranges()
        assert (WHOLE.low, WHOLE.high) == (ranges[0].low, ranges[-1].high)
        assert [each.high for each in ranges[:-1]] == [each.low for each in ranges[1:]]

    async def test_there_are_no_leases_before_a_host_has_run(self, adapters: Adapters) -> None:
        assert [] == list(await adapters.feed.leases())


@dataclass
class Local:
    """The local Cosmos DB, which reads without lag; leases are written as the trigger writes them."""

    server: CosmosServer
    database: Any
    store: CosmosEventStore
    feed: CosmosEventFeed
    of: str

    async def lease(
        self, token: str, continuation: str | None, *, prefix: str = "views-", owner: str | None = "host",
        age: float = 5, where: FeedRange = WHOLE, of: str | None = None,
    ) -> None:  # fmt: skip
        renewed = (datetime.now(UTC) - timedelta(seconds=age)).replace(tzinfo=None).isoformat() + "1Z"
        document = {
            "id": f"{prefix}{of or self.of}{token}", "version": 0, "LeaseToken": token, "Owner": owner,
            "FeedRange": {"Range": {"min": where.low, "max": where.high}}, "ContinuationToken": continuation,
            "properties": {}, "timestamp": renewed, "Mode": "Incremental Feed",
        }  # fmt: skip
        await self.database.get_container_client(LEASES.name).upsert_item(document)

    async def lag(self) -> Sequence[PartitionLag]:
        return await Lags(self.feed).of(["views"], datetime.now(UTC))

    async def counted(self) -> list[tuple[str, str, int | None]]:
        return [(each.partition, each.state, each.documents) for each in await self.lag()]

    def split(self) -> Mapping[str, FeedRange]:
        """Splits the only partition; the new ones by id."""
        self.server.split("contract-tests", EVENTS.name)
        container = self.server.account.catalog.container("contract-tests", EVENTS.name)
        return {each.id: FeedRange(each.low, each.high) for each in container.ranges}


@pytest.fixture
async def local() -> AsyncIterator[Local]:
    async with CosmosServer.start(port=0) as server, open_client(cosmos(server.connection_string)) as client:
        database = await provisioned(client, "contract-tests")
        events = database.get_container_client(EVENTS.name)
        feed = CosmosEventFeed(events, database.get_container_client(LEASES.name), server.url)
        of = monitored("localhost", (await events.read())["_rid"])
        yield Local(server, database, CosmosEventStore(events), feed, of)


class TestLag:
    async def test_it_is_what_was_written_behind_the_position_of_the_lease(self, local: Local) -> None:
        await filled(local.store, "guest-1", 5)
        await local.lease("0", '"2"')
        (lag,) = await local.lag()
        assert ("views", "00-FF", "owned", 3, "host") == (
            lag.consumer, lag.partition, lag.state, lag.documents, lag.owner,
        )  # fmt: skip
        assert lag.seconds is not None
        assert 0 <= lag.seconds < 60
        assert lag.age is not None
        assert 5 <= lag.age < 65

    async def test_an_append_counts_once_however_many_events_it_has(self, local: Local) -> None:
        await long_stream(local.store, "guest-1", 30)
        await local.lease("0", '"0"')
        assert [("00-FF", "owned", 1)] == await local.counted()

    async def test_who_has_handled_everything_is_not_behind(self, local: Local) -> None:
        await filled(local.store, "guest-1", 5)
        await local.lease("0", '"5"')
        (lag,) = await local.lag()
        assert (0, 0.0) == (lag.documents, lag.seconds)

    async def test_a_lease_without_a_position_is_behind_with_everything(self, local: Local) -> None:
        await filled(local.store, "guest-1", 5)
        await local.lease("0", None, owner=None)
        assert [("00-FF", "unowned", 5)] == await local.counted()

    async def test_the_owner_of_a_lease_that_is_not_renewed_is_gone(self, local: Local) -> None:
        await local.lease("0", None, age=61)
        assert [("00-FF", "expired", 0)] == await local.counted()

    async def test_without_leases_nothing_is_known(self, local: Local) -> None:
        await filled(local.store, "guest-1", 5)
        assert [("00-FF", "missing", None)] == await local.counted()

    async def test_leases_of_another_app_are_not_ours(self, local: Local) -> None:
        """They share the container of leases and the prefix, and follow another container."""
        await local.lease("0", '"0"', of="localhost_TQAQAQ==_TQAQAYAAABI=..")
        await local.lease("0", '"0"', prefix="views-again-")
        assert [("00-FF", "missing", None)] == await local.counted()

    async def test_after_a_split_each_new_partition_is_counted(self, local: Local) -> None:
        for number in range(20):
            await filled(local.store, f"guest-{number}", 1)
        await local.lease("0", '"0"')
        assert ["00-FF"] == [partition for partition, _, _ in await local.counted()]
        children = local.split()
        # The host has not noticed yet: its lease still stands for both.
        assert [(str(each), "owned") for each in children.values()] == [
            (partition, state) for partition, state, _ in await local.counted()
        ]
        newest = local.server.account.catalog.container("contract-tests", EVENTS.name).lsn
        for token, where in children.items():
            await local.lease(token, f'"{newest}"', where=where)
        # The lease of the old partition could not be deleted.
        assert [0, 0] == [documents for _, _, documents in await local.counted()]

    async def test_a_lease_that_is_lost_among_others_is_missed(self, local: Local) -> None:
        children = local.split()
        first, second = children
        await local.lease(second, None, where=children[second])
        assert [(str(children[first]), "missing", None), (str(children[second]), "owned", 0)] == await local.counted()

    async def test_leases_from_before_a_merge_share_a_partition(self, local: Local) -> None:
        for number in range(20):
            await filled(local.store, f"guest-{number}", 1)
        await local.lease("-7F", None, where=FeedRange("", "7F"))
        await local.lease("7F-FF", '"20"', where=FeedRange("7F", "FF"))
        (_, _, low), (_, _, high) = await local.counted()
        assert low is not None
        assert low > 0
        assert 0 == high

    async def test_it_is_cheap(self, local: Local) -> None:
        await filled(local.store, "guest-1", 5)
        await local.lease("0", '"2"')
        await local.lag()
        local.server.requests.clear()
        await local.lag()
        asked = [(record.kind, record.container, record.status) for record in local.server.requests]
        assert sorted(COST) == sorted(asked)
        assert 9.0 > sum(record.charge for record in local.server.requests)


COST = [
    # Which container it is, and so which leases are of it: 2 RU, and 2.8 RU for the leases of all consumers.
    ("read_container", "events", 200),
    ("query", "leases", 200),
    # Which partitions there are: 2 RU.
    ("pkranges", "events", 200),
    ("pkranges", "events", 304),
    # For each consumer and partition: 1 RU.
    ("feed", "events", 200),
]
