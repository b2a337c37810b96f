"""A refold connects to an account whose replicas lag, and has not seen what was written there."""

from typing import Final

import pytest

from emulators.cosmos.server import CosmosServer
from engine.projecting.cosmos import CosmosViewStore
from engine.projecting.refold import Refolded
from engine.storing.containers import EVENTS
from engine.storing.cosmos import CosmosEventStore
from engine.storing.cosmos_account import open_client
from engine.storing.items import to_item
from engine.storing.port import Head
from tests.engine.contracts.connections import cosmos, provisioned
from tests.engine.projecting.feeding import stored_event
from tests.engine.toy.guest import GuestArrived, GuestInvited
from tests.engine.toy.read_models.house_guests import HOUSE_GUESTS
from tests.engine.toy.registry import CODEC
from tests.engine.world import services_over

STREAM: Final = "guest-g-1"


@pytest.mark.parametrize("seed", range(8))
async def test_it_shows_what_was_rewritten_just_now(seed: int) -> None:
    def events(house: str) -> list[object]:
        return [GuestInvited("g-1", house, ()), GuestArrived("g-1", house)]

    async with CosmosServer.start(port=0, lag=3, seed=seed) as server:
        account = cosmos(server.connection_string)
        async with open_client(account) as client, open_client(account) as other:
            database = await provisioned(client, "contract-tests")
            container = database.get_container_client(EVENTS.name)
            store, views = CosmosEventStore(container), CosmosViewStore(database.get_container_client)
            before = [stored_event(CODEC, STREAM, version, each) for version, each in enumerate(events("hill"), 1)]
            await store.append(STREAM, Head(0, ""), before)
            await services_over(store, views=views).projector.run(HOUSE_GUESTS, [to_item(each) for each in before])
            for version, each in enumerate(events("lake"), 1):
                item = to_item(stored_event(CODEC, STREAM, version, each))
                await container.replace_item(item["id"], item)
            its = other.get_database_client("contract-tests")
            its_store = CosmosEventStore(its.get_container_client(EVENTS.name))
            its_views = CosmosViewStore(its.get_container_client)
            refold = services_over(its_store, views=its_views).refold
            assert [Refolded("house-guests", 1, 2, 1)] == await refold.stream([HOUSE_GUESTS], STREAM)
            (shown,) = await its_views.find("house-guests", f"1~{STREAM}")
            assert "lake" == shown.document["houseId"]
