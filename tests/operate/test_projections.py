"""`operate projections status` over leases as the trigger writes them."""

import json
from collections.abc import Mapping

import pytest

from composition.domain import READ_MODELS
from composition.provisioning import provision_database
from composition.settings import Settings
from emulators.cosmos.server import CosmosServer
from engine.consuming.feed.leases import monitored
from engine.storing.containers import EVENTS, LEASES
from engine.storing.cosmos_account import open_client
from operate import projections
from tests.settings import NO_BUS


async def _environment(server: CosmosServer) -> Mapping[str, str]:
    environment = {"COSMOS": server.connection_string, "COSMOS_DATABASE": "orders", "SERVICEBUS": NO_BUS}
    await provision_database(Settings.from_mapping(environment), lambda _: None)
    return environment


async def test_a_row_per_consumer_says_who_has_it_and_how_far_it_is_behind(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with CosmosServer.start(port=0) as server:
        environment = await _environment(server)
        async with open_client(Settings.from_mapping(environment).engine.cosmos) as client:
            database = client.get_database_client("orders")
            of = monitored("localhost", (await database.get_container_client(EVENTS.name).read())["_rid"])
            await database.get_container_client(LEASES.name).upsert_item(
                {
                    "id": f"relay-{of}0",
                    "FeedRange": {"Range": {"min": "", "max": "FF"}},
                    "Owner": "host-1",
                    "ContinuationToken": '"0"',
                    "timestamp": "2026-11-23T06:24:15.7224104Z",
                }
            )
            server.requests.clear()
            await projections.status(environment, as_json=True)
            written = {record.kind for record in server.requests} - _READS
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert set() == written
    unfollowed = {
        "partition": "00-FF", "state": "missing", "documents": None, "seconds": None, "owner": None, "leaseAge": None,
        "parked": 0,
    }  # fmt: skip
    assert [{"consumer": each.name, **unfollowed} for each in READ_MODELS] == rows[:-1]
    relay = rows[-1]
    assert relay.pop("leaseAge") > 0
    assert {
        "consumer": "relay", "partition": "00-FF", "state": "expired", "documents": 0, "seconds": 0.0,
        "owner": "host-1", "parked": 0,
    } == relay  # fmt: skip


_READS = {"account", "read_container", "pkranges", "query", "query_plan", "feed", "batch"}
