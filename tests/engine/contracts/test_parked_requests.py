"""What parked streams ask of Cosmos DB: one read of the index per batch, and one request for each that is skipped."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Final

import pytest

from emulators.cosmos.faults import Fault
from emulators.cosmos.server import CosmosServer
from engine.clock import utc_now
from engine.consuming.feed_runner import FeedConsumer, FeedRunner
from engine.consuming.parked.known import KEPT_FOR
from engine.consuming.parked_streams.cosmos import CosmosParkedStreams
from engine.consuming.parked_streams.port import NOTHING_KNOWN
from engine.consuming.parking import Parking
from engine.errors import RequestRefused, Throttled
from engine.projecting.cosmos import CosmosViewStore
from engine.projecting.port import ViewKey
from engine.storing.containers import PARKED
from engine.storing.cosmos_account import open_client
from engine.storing.items import to_item
from tests.engine.contracts.connections import cosmos, provisioned
from tests.engine.contracts.test_parked_streams import stream
from tests.engine.projecting.feeding import stored_event
from tests.engine.toy.house import BedsAdded
from tests.engine.toy.registry import CODEC


@dataclass(frozen=True)
class Account:
    server: CosmosServer
    parked: CosmosParkedStreams

    async def asked(self, *streams: str, never_overtakes: bool, runner: FeedRunner | None = None) -> list[str]:
        """Passes a batch with an event of each of these streams; returns the requests, with charges."""
        items = [to_item(stored_event(CODEC, each, 9, BedsAdded("hill", 1))) for each in streams]
        self.server.requests.clear()
        await (runner or self.runner()).run(FeedConsumer("toy@1", lambda _: True, _handled, never_overtakes), items)
        return [f"{each.kind} {each.status} {each.charge:g}" for each in self.server.requests]

    def runner(self, after: float = 0) -> FeedRunner:
        """Returns one for which so many seconds pass between two batches."""
        times = itertools.count(0, after or 0.001)
        return FeedRunner(Parking(self.parked, utc_now, lambda: next(times)), utc_now, asyncio.sleep)


async def _handled(*_: object) -> None:
    pass


@pytest.fixture
async def account() -> AsyncIterator[Account]:
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(CosmosServer.start(port=0))
        client = await stack.enter_async_context(open_client(cosmos(server.connection_string)))
        container = (await provisioned(client, "contract-tests")).get_container_client(PARKED.name)
        parked = CosmosParkedStreams(container)
        for _ in range(2):
            # The SDK asks for the partitions once.
            await parked.index_since("another", NOTHING_KNOWN)
        yield Account(server, parked)


@pytest.mark.parametrize("streams", [1, 50])
async def test_while_nothing_is_parked_a_batch_costs_one_read(account: Account, streams: int) -> None:
    names = [f"house-{number}" for number in range(streams)]
    assert ["read 404 1"] == await account.asked(*names, never_overtakes=False)
    (read,) = await account.asked(*names, never_overtakes=True)
    assert read.startswith("batch 207")


async def test_an_index_that_is_known_costs_one_unit_and_each_skipped_stream_a_request(account: Account) -> None:
    for number in range(3):
        await account.parked.park("toy@1", stream(f"house-{number}"))
    runner = account.runner(after=KEPT_FOR)
    await account.asked("house-9", never_overtakes=False, runner=runner)
    assert ["read 304 1"] == await account.asked("house-9", never_overtakes=False, runner=runner)
    index, *skips = await account.asked("house-0", "house-1", "house-9", never_overtakes=False, runner=runner)
    assert ("read 304 1", ["batch 200"] * 2) == (index, [each.rpartition(" ")[0] for each in skips])
    index, *again = await account.asked("house-0", "house-1", never_overtakes=True, runner=runner)
    assert ("batch 200", 2) == (index.rpartition(" ")[0], len(again))


Request = Callable[[CosmosParkedStreams], Awaitable[Any]]
REQUESTS: Final[dict[str, Request]] = {
    "index": lambda store: store.index("toy@1"),
    "index since": lambda store: store.index_since("toy@1", NOTHING_KNOWN),
    "skip": lambda store: store.skip("toy@1", "house-1", 1),
    "park": lambda store: store.park("toy@1", stream()),
    "get": lambda store: store.get("toy@1", "house-1"),
    "all": lambda store: store.all("toy@1"),
    "move on": lambda store: store.move_on("toy@1", "house-1", 1),
    "replace": lambda store: store.replace("toy@1", stream(etag='"0"')),
    "free": lambda store: store.free("toy@1", stream(etag='"0"')),
}


@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS)
async def test_what_is_throttled_is_not_repeated_unasked(account: Account, request_: Request) -> None:
    account.server.faults.add(Fault(status=429, substatus=3200, retry_after_ms=2500, times=None))
    with pytest.raises(Throttled) as throttled:
        await request_(account.parked)
    assert (2.5, 1) == (throttled.value.retry_after, account.server.faults.struck())


@pytest.mark.parametrize("never_overtakes", [True, False])
async def test_a_batch_soon_after_another_one_asks_for_nothing(account: Account, never_overtakes: bool) -> None:
    runner = account.runner()
    first = await account.asked("house-9", never_overtakes=never_overtakes, runner=runner)
    assert (1, []) == (len(first), await account.asked("house-9", never_overtakes=never_overtakes, runner=runner))


@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
@pytest.mark.parametrize("key", ["x" * 1_100, "guest-1"], ids=["no such id", "too large"])
async def test_a_view_that_cannot_be_is_refused_for_what_it_holds(key: str) -> None:
    """Otherwise it would be waited for as a store that is away is, and the others with it."""
    document = {"id": key, "position": 1, "view": {} if len(key) > 1_000 else {"text": "x" * 2_100_000}}
    async with CosmosServer.start(port=0) as server, open_client(cosmos(server.connection_string)) as client:
        database = await provisioned(client, "contract-tests")
        with pytest.raises(RequestRefused):
            await CosmosViewStore(database.get_container_client).put("guest-details", ViewKey(key, key), document, None)
