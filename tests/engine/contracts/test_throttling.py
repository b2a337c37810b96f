"""Cosmos DB answers 429: every store says so, with the time after which to ask again."""

from collections.abc import Awaitable, Callable

import pytest

from emulators.cosmos.faults import Fault
from emulators.cosmos.server import CosmosServer
from engine.errors import Throttled
from engine.projecting.cosmos import CosmosViewStore
from engine.projecting.counting.cosmos import CosmosRollupStore
from engine.projecting.port import ViewKey
from engine.storing.containers import EVENTS
from engine.storing.cosmos import CosmosEventStore
from engine.storing.cosmos_account import open_client
from engine.storing.port import Head
from tests.engine.contracts.connections import cosmos, provisioned
from tests.engine.projecting.feeding import stored_event
from tests.engine.toy.guest import GuestArrived
from tests.engine.toy.registry import CODEC

AT = ViewKey("1~guest-g-1", "1~guest-g-1")
DOCUMENT = {"id": AT.id, "position": 1, "view": {}}
BUCKET = "1~2026-01-01T00~0"
ARRIVED = stored_event(CODEC, "guest-g-1", 1, GuestArrived("g-1", "hill"))

Request = Callable[[CosmosViewStore, CosmosEventStore, CosmosRollupStore], Awaitable[object]]
REQUESTS: dict[str, Request] = {
    "read a view": lambda views, *_: views.get("guest-details", AT),
    "create a view": lambda views, *_: views.put("guest-details", AT, DOCUMENT, None),
    "replace a view": lambda views, *_: views.put("guest-details", AT, DOCUMENT, '"0"'),
    "page views": lambda views, *_: views.page("house-guests", "hill", "1~", "2~", 10),
    "read a stream": lambda _, store, __: store.read("guest-g-1"),
    "count": lambda *stores: stores[2].count("house-visits", BUCKET, {"guest-g-1~1": {"00.hill.arrivals": 1}}),
    "read sums": lambda *stores: stores[2].sums("house-visits", [BUCKET]),
    "append": lambda _, store, __: store.append("guest-g-1", Head(0, ""), [ARRIVED]),
}


@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS)
async def test_a_request_that_is_throttled_is_not_repeated_unasked(request_: Request) -> None:
    async with CosmosServer.start(port=0) as server, open_client(cosmos(server.connection_string)) as client:
        database = await provisioned(client, "contract-tests")
        views = CosmosViewStore(database.get_container_client)
        store = CosmosEventStore(database.get_container_client(EVENTS.name))
        rollups = CosmosRollupStore(database.get_container_client)
        server.faults.add(Fault(status=429, substatus=3200, retry_after_ms=2500, times=None))
        with pytest.raises(Throttled) as throttled:
            await request_(views, store, rollups)
        assert (2.5, 1) == (throttled.value.retry_after, server.faults.struck())
