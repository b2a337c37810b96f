"""A process that has only written to its containers reads each of them with the session of that one."""

from typing import Any, Final

from emulators.cosmos.server import CosmosServer
from engine.projecting.cosmos import CosmosViewStore
from engine.projecting.port import ViewKey
from engine.storing.containers import PARKED
from engine.storing.cosmos_account import open_client
from tests.engine.contracts.connections import cosmos, provisioned

_DATABASE: Final = "sessions"


def view(key: ViewKey) -> dict[str, Any]:
    return {"id": key.id, "houseId": key.partition, "sortKey": "1~1", "position": 1, "view": {}}


async def test_the_token_of_one_container_is_not_sent_with_a_read_of_another() -> None:
    async with CosmosServer.start() as server:
        async with open_client(cosmos(server.connection_string)) as client:
            await provisioned(client, _DATABASE)
        async with open_client(cosmos(server.connection_string)) as client:
            database = client.get_database_client(_DATABASE)
            views = CosmosViewStore(database.get_container_client)
            # More commits than the container has that is read, by writes whose answers say nothing of their container.
            for number in range(3):
                key = ViewKey(f"g-{number}", f"g-{number}")
                await views.put("guest-details", key, view(key), None)
                await database.get_container_client(PARKED.name).execute_item_batch(
                    [("create", ({"id": f"p-{number}", "consumer": "c"},))], "c"
                )
            key = ViewKey("g-1", "hill")
            await views.put("house-guests", key, view(key), None)

            found = await views.page("house-guests", "hill", "1~", "1\x7f", 10)

    assert ["g-1"] == [document["id"] for document in found]
