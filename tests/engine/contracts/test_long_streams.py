"""Long streams on the local Cosmos DB, whose requests fail now and then; the official SDK is between."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from azure.cosmos.exceptions import CosmosBatchOperationError

from emulators.cosmos.faults import Effect, Fault
from emulators.cosmos.server import CosmosServer
from engine.commands.handler import CommandHandler
from engine.errors import Unavailable
from engine.storing import cosmos_requests
from engine.storing import pages as reading
from engine.storing.containers import EVENTS, SNAPSHOTS
from engine.storing.cosmos import CosmosEventStore, CosmosSnapshotStore
from engine.storing.cosmos_account import open_client
from engine.storing.cosmos_requests import sub_status, translated
from engine.storing.errors import StreamFull
from engine.storing.pages import pages
from engine.storing.port import PAGE
from tests.engine.contexts import context
from tests.engine.contracts.connections import cosmos, provisioned
from tests.engine.houses import HOUSE_STREAM, filled_with_beds
from tests.engine.toy.house import AddBeds
from tests.engine.toy.registry import HOUSE
from tests.engine.world import services_over

PAGES = 61


@dataclass(frozen=True)
class Account:
    server: CosmosServer
    store: CosmosEventStore
    snapshots: CosmosSnapshotStore

    def process(self) -> CommandHandler:
        """With an empty cache."""
        return services_over(self.store, snapshots=self.snapshots).commands


@pytest.fixture
async def account() -> AsyncIterator[Account]:
    async with (
        CosmosServer.start(port=0, seed=7) as server,
        open_client(cosmos(server.connection_string)) as client,
    ):
        database = await provisioned(client, "guests")
        yield Account(
            server,
            CosmosEventStore(database.get_container_client(EVENTS.name)),
            CosmosSnapshotStore(database.get_container_client(SNAPSHOTS.name)),
        )


def kinds(server: CosmosServer) -> list[str]:
    """Of requests for data, in order."""
    return [record.kind for record in server.requests if record.kind in ("batch", "query", "read")]


async def add_bed(process: CommandHandler, key: str) -> int:
    """Returns the version, once the snapshot that is due has been kept, too."""
    result = await process.handle(HOUSE, context(key).to(HOUSE_STREAM, AddBeds("hill", 1)))
    await process.idle()
    return result.version


async def test_throttled_pages_fail_no_load(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "PAGE", 20)
    count = PAGES * 20 - 10
    await filled_with_beds(account.store, count)
    queries = frozenset({"query"})
    throttled = Fault(status=429, retry_after_ms=1, kinds=queries, container=EVENTS.name, share=0.05, times=None)
    account.server.faults.add(throttled)
    for _ in range(20):
        assert count == sum([len(page) async for page in pages(account.store, HOUSE_STREAM)])
    assert account.server.faults.struck() > 20


async def test_an_answer_that_is_lost_on_the_way_is_asked_for_again(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "PAGE", 20)
    await filled_with_beds(account.store, 100)
    # The SDK sends a request again whose connection was closed, once.
    lost = Fault(Effect.CUT_ANSWER, kinds=frozenset({"query"}), container=EVENTS.name, skip=2, times=2)
    account.server.faults.add(lost)
    versions = [event.version async for page in pages(account.store, HOUSE_STREAM) for event in page]
    assert list(range(1, 101)) == versions
    assert 2 == account.server.faults.struck()


async def test_each_answer_has_the_time_of_a_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cosmos_requests, "REQUEST_LIFETIME", 0.5)
    async with translated("event store") as answered:
        for _ in range(4):
            await asyncio.sleep(0.2)
            answered({}, None)

    async def answered_once() -> None:
        async with translated("event store") as answered:
            answered({}, None)
            await asyncio.sleep(10)

    with pytest.raises(Unavailable):
        await answered_once()


async def test_a_host_that_is_far_behind_goes_on_from_a_newer_snapshot(account: Account) -> None:
    behind = account.process()
    await add_bed(behind, "first")
    await filled_with_beds(account.store, 3 * PAGE)
    assert 3 * PAGE + 2 == await add_bed(account.process(), "leaves a snapshot")
    account.server.requests.clear()
    assert 3 * PAGE + 3 == await add_bed(behind, "late")
    assert ["batch", "query", "read", "query", "batch"] == kinds(account.server)


async def test_a_throttled_snapshot_is_read_again(account: Account) -> None:
    await filled_with_beds(account.store, 2 * PAGE)
    await add_bed(account.process(), "leaves a snapshot")
    account.server.requests.clear()
    account.server.faults.add(Fault(status=429, retry_after_ms=1, kinds=frozenset({"read"}), container=SNAPSHOTS.name))
    await add_bed(account.process(), "cold")
    assert ["batch", "query", "read", "read"] == sorted(kinds(account.server))


async def test_a_full_stream_takes_no_events(account: Account) -> None:
    await filled_with_beds(account.store, 1)
    account.server.faults.add(Fault(status=403, substatus=1014, kinds=frozenset({"batch"})))
    with pytest.raises(StreamFull):
        await add_bed(account.process(), "k")


def test_the_sub_status_of_an_operation_in_a_batch_is_read() -> None:
    responses: list[dict[str, Any]] = [{"statusCode": 424}, {"statusCode": 403, "subStatusCode": 1014}]
    error = CosmosBatchOperationError(1, {}, 403, "", responses)  # type: ignore[no-untyped-call]
    assert 1014 == sub_status(error)
