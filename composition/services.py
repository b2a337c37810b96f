"""Everything that handlers need, built from settings: the one constructor, for the worker, tests and tools alike."""

import asyncio
import functools
import logging
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from application.commands import CommandHandler, pause_with_jitter
from application.queries import Queries
from composition.containers import EVENTS, SNAPSHOTS
from composition.cosmos import open_client
from composition.settings import Settings
from consumers.batch import BatchRunner
from domain.aggregates import AGGREGATES
from eventstore.codec import EventCodec, EventType
from eventstore.cosmos import CosmosEventStore, CosmosSnapshotStore
from projections.cosmos import CosmosViewStore

CODEC: Final = EventCodec(
    EventType(name, event_class, aggregate.upcasters.get(name, ()))
    for aggregate in AGGREGATES
    for name, event_class in aggregate.wire_names.items()
)


@dataclass(frozen=True, slots=True)
class Services:
    commands: CommandHandler
    queries: Queries
    runner: BatchRunner


@asynccontextmanager
async def build(settings: Settings) -> AsyncIterator[Services]:
    """Connects to Cosmos DB, and disconnects at the end. Raises UnsuitableAccount and StoreUnavailable."""
    # At its own level the SDK logs every request with its headers, the partition key among them: a customer's id.
    logging.getLogger("azure").setLevel(logging.WARNING)
    async with open_client(settings.cosmos) as client:
        database = client.get_database_client(settings.cosmos_database)
        store = CosmosEventStore(database.get_container_client(EVENTS.name))
        views = CosmosViewStore(functools.cache(database.get_container_client))
        yield Services(
            commands=CommandHandler(
                store=store,
                snapshots=CosmosSnapshotStore(database.get_container_client(SNAPSHOTS.name)),
                codec=CODEC,
                clock=lambda: datetime.now(UTC),
                new_id=lambda: str(uuid.uuid4()),
                pause=functools.partial(pause_with_jitter, asyncio.sleep),
            ),
            queries=Queries(store, CODEC, views),
            runner=BatchRunner(store, CODEC, views),
        )
