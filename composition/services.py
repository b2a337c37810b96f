"""`build` is the only constructor of the services, for the worker, tests and tools alike."""

import contextlib
import functools
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from composition.domain import domain_of
from composition.settings import Settings
from engine.assembly import Adapters, assemble
from engine.clock import utc_now
from engine.commands.outcomes.cosmos import CosmosOutcomeStore
from engine.consuming.feed.cosmos import CosmosEventFeed
from engine.consuming.parked.cosmos import CosmosParkedStore
from engine.consuming.parked_streams.cosmos import CosmosParkedStreams
from engine.messaging.first_use import BusOnFirstUse
from engine.messaging.webhook import HttpWebhook
from engine.projecting.cosmos import CosmosViewStore
from engine.projecting.counting.cosmos import CosmosRollupStore
from engine.projecting.generations.cosmos import CosmosGenerationStore
from engine.services import Services
from engine.settings import WebhookTarget
from engine.storing.containers import EVENTS, GENERATIONS, LEASES, OUTCOMES, PARKED, SNAPSHOTS
from engine.storing.cosmos import CosmosEventStore, CosmosSnapshotStore
from engine.storing.cosmos_account import open_client
from engine.storing.throughput import Background


@asynccontextmanager
async def build(settings: Settings, *, background: Background | None = None) -> AsyncIterator[Services]:
    """Yields the services, connected to Cosmos DB, and disconnects at the end, once nothing is under way.

    Connects to Service Bus when the first message is sent. Raises UnsuitableAccount and Unavailable.
    """
    # By default, the SDK logs every request with its headers; the partition key in them may be a name.
    logging.getLogger("azure").setLevel(logging.WARNING)
    engine = settings.engine
    async with open_client(engine.cosmos, background=background) as client, contextlib.AsyncExitStack() as stack:
        database = client.get_database_client(engine.cosmos_database)
        container = functools.cache(database.get_container_client)
        events = database.get_container_client(EVENTS.name)
        bus = BusOnFirstUse(engine.service_bus, stack)
        adapters = Adapters(
            store=CosmosEventStore(events),
            feed=CosmosEventFeed(events, database.get_container_client(LEASES.name), engine.cosmos.endpoint),
            snapshots=CosmosSnapshotStore(database.get_container_client(SNAPSHOTS.name)),
            views=CosmosViewStore(container),
            rollups=CosmosRollupStore(container),
            generations=CosmosGenerationStore(database.get_container_client(GENERATIONS.name)),
            outcomes=CosmosOutcomeStore(database.get_container_client(OUTCOMES.name)),
            parked=CosmosParkedStore(database.get_container_client(PARKED.name)),
            parked_streams=CosmosParkedStreams(database.get_container_client(PARKED.name)),
            bus=bus,
            dead_letters=bus,
            webhook=_webhook(engine.notifications, stack),
        )
        services = assemble(domain_of(settings), adapters, relay_replay_until=engine.relay_replay_until)
        try:
            yield services
        finally:
            await services.commands.idle()


def _webhook(target: WebhookTarget | None, stack: contextlib.AsyncExitStack) -> HttpWebhook | None:
    if target is None:
        return None
    webhook = HttpWebhook(target.url, target.secret, utc_now)
    stack.push_async_callback(webhook.close)
    return webhook
