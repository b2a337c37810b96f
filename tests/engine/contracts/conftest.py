"""Every adapter of a port, side by side; devstack lags as replicas may."""

import os
from collections.abc import AsyncIterator, Generator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import pytest

from emulators.cosmos.server import CosmosServer
from engine.commands.outcomes.cosmos import CosmosOutcomeStore
from engine.commands.outcomes.memory import MemoryOutcomeStore
from engine.commands.outcomes.port import OutcomeStore
from engine.consuming.feed.cosmos import CosmosEventFeed
from engine.consuming.feed.memory import MemoryEventFeed
from engine.consuming.feed.port import EventFeed
from engine.consuming.parked.cosmos import CosmosParkedStore
from engine.consuming.parked.memory import MemoryParkedStore
from engine.consuming.parked.port import ParkedStore
from engine.consuming.parked_streams.cosmos import CosmosParkedStreams
from engine.consuming.parked_streams.memory import MemoryParkedStreams
from engine.consuming.parked_streams.port import ParkedStreams
from engine.projecting.cosmos import CosmosViewStore
from engine.projecting.counting.cosmos import CosmosRollupStore
from engine.projecting.counting.memory import MemoryRollupStore
from engine.projecting.counting.port import RollupStore
from engine.projecting.generations.cosmos import CosmosGenerationStore
from engine.projecting.generations.memory import MemoryGenerationStore
from engine.projecting.generations.port import GenerationStore
from engine.projecting.memory import MemoryViewStore
from engine.projecting.port import ViewStore
from engine.storing.containers import EVENTS, GENERATIONS, LEASES, OUTCOMES, PARKED, SNAPSHOTS
from engine.storing.cosmos import CosmosEventStore, CosmosSnapshotStore
from engine.storing.cosmos_account import open_client
from engine.storing.memory import MemoryEventStore, MemorySnapshotStore
from engine.storing.port import EventStore
from engine.storing.snapshots import SnapshotStore
from tests.engine.contracts.cases import ADAPTER, ADAPTERS, AZURE
from tests.engine.contracts.connections import cosmos, provisioned

_DATABASE: Final = "contract-tests"


@dataclass(frozen=True)
class Adapters:
    """One adapter of each port; a peer is a second instance over the same data, as another process would have."""

    name: str
    store: EventStore
    peer: EventStore
    snapshots: SnapshotStore
    views: ViewStore
    rollups: RollupStore
    rollups_peer: RollupStore
    parked: ParkedStore
    parked_peer: ParkedStore
    parked_streams: ParkedStreams
    parked_streams_peer: ParkedStreams
    outcomes: OutcomeStore
    outcomes_peer: OutcomeStore
    feed: EventFeed
    generations: GenerationStore
    generations_peer: GenerationStore


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "adapters" in metafunc.fixturenames:
        chosen = [name for name in ADAPTERS if name != "azure" or AZURE in os.environ]
        metafunc.parametrize("adapters", chosen, indirect=True)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Has the report name its adapter. A contract is kept or broken, never skipped."""
    report = yield
    if report.skipped:
        report.outcome = "failed"
        report.longrepr = f"a contract is never skipped: {report.longrepr}"
    if report.when == "call" and isinstance(item, pytest.Function) and "adapters" in item.fixturenames:
        report.user_properties = [*report.user_properties, (ADAPTER, item.callspec.params["adapters"])]
    return report


@pytest.fixture
async def adapters(request: pytest.FixtureRequest) -> AsyncIterator[Adapters]:
    name: str = request.param
    if name == "memory":
        store, parked, outcomes = MemoryEventStore(), MemoryParkedStore(), MemoryOutcomeStore()
        rollups, snapshots, views = MemoryRollupStore(), MemorySnapshotStore(), MemoryViewStore()
        streams, generations = MemoryParkedStreams(), MemoryGenerationStore()
        yield Adapters(
            name,
            store,
            store,
            snapshots,
            views,
            rollups,
            rollups,
            parked,
            parked,
            streams,
            streams,
            outcomes,
            outcomes,
            MemoryEventFeed(store),
            generations,
            generations,
        )
    elif name == "devstack":
        async with (
            CosmosServer.start(port=0, lag=3, seed=7) as server,
            _on_cosmos(name, server.connection_string) as both,
        ):
            yield both
    else:
        async with _on_cosmos(name, os.environ[AZURE]) as both:
            yield both


@asynccontextmanager
async def _on_cosmos(name: str, connection: str) -> AsyncIterator[Adapters]:
    account = cosmos(connection)
    async with open_client(account) as client, open_client(account) as other:
        database = await provisioned(client, _DATABASE)
        its_database = other.get_database_client(_DATABASE)
        yield Adapters(
            name,
            CosmosEventStore(database.get_container_client(EVENTS.name)),
            CosmosEventStore(its_database.get_container_client(EVENTS.name)),
            CosmosSnapshotStore(database.get_container_client(SNAPSHOTS.name)),
            CosmosViewStore(database.get_container_client),
            CosmosRollupStore(database.get_container_client),
            CosmosRollupStore(its_database.get_container_client),
            CosmosParkedStore(database.get_container_client(PARKED.name)),
            CosmosParkedStore(its_database.get_container_client(PARKED.name)),
            CosmosParkedStreams(database.get_container_client(PARKED.name)),
            CosmosParkedStreams(its_database.get_container_client(PARKED.name)),
            CosmosOutcomeStore(database.get_container_client(OUTCOMES.name)),
            CosmosOutcomeStore(its_database.get_container_client(OUTCOMES.name)),
            CosmosEventFeed(
                database.get_container_client(EVENTS.name), database.get_container_client(LEASES.name), account.endpoint
            ),
            CosmosGenerationStore(database.get_container_client(GENERATIONS.name)),
            CosmosGenerationStore(its_database.get_container_client(GENERATIONS.name)),
        )
