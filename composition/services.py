"""Everything that handlers need, built from settings: the one constructor, for the worker, tests and tools alike."""

import asyncio
import contextlib
import functools
import logging
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from application.commands import CommandHandler, pause_with_jitter
from application.queries import Queries
from composition.bus import BusOnFirstUse
from composition.containers import COMMANDS, EVENTS, PARKED, SNAPSHOTS
from composition.cosmos import open_client
from composition.settings import Settings
from consumers.asynchronous import AsynchronousCommands
from consumers.batch import BatchRunner
from consumers.commands import CommandConsumer
from consumers.messages import MessageConsumer, MessageRunner
from consumers.notifications import NotificationConsumer
from consumers.outcomes.cosmos import CosmosOutcomeStore
from consumers.parked.cosmos import CosmosParkedStore
from consumers.parked.port import ParkedStore
from consumers.reactions import ReactionConsumer
from consumers.relay import Relay
from domain.aggregates import AGGREGATES
from domain.processes import processes
from eventstore.codec import EventCodec, EventType
from eventstore.cosmos import CosmosEventStore, CosmosSnapshotStore
from messaging.envelope import EnvelopeCodec
from messaging.port import Bus, DeadLetters
from messaging.webhook import HttpWebhook
from projections.cosmos import CosmosViewStore

CODEC: Final = EventCodec(
    EventType(name, event_class, aggregate.upcasters.get(name, ()))
    for aggregate in AGGREGATES
    for name, event_class in aggregate.wire_names.items()
)


ENVELOPES: Final = EnvelopeCodec(AGGREGATES)


@dataclass(frozen=True, slots=True)
class Services:
    """`consumers` are those of the bus, by name."""

    commands: CommandHandler
    asynchronous: AsynchronousCommands
    queries: Queries
    runner: BatchRunner
    relay: Relay
    messages: MessageRunner
    consumers: Mapping[str, MessageConsumer]
    parked: ParkedStore
    bus: Bus
    dead_letters: DeadLetters


@asynccontextmanager
async def build(settings: Settings) -> AsyncIterator[Services]:
    """Connects to Cosmos DB, and to Service Bus when the first message is sent; disconnects at the end.

    Raises UnsuitableAccount and StoreUnavailable.
    """
    # At its own level the SDK logs every request with its headers, the partition key among them: a customer's id.
    logging.getLogger("azure").setLevel(logging.WARNING)
    async with open_client(settings.cosmos) as client, contextlib.AsyncExitStack() as stack:
        database = client.get_database_client(settings.cosmos_database)
        store = CosmosEventStore(database.get_container_client(EVENTS.name))
        views = CosmosViewStore(functools.cache(database.get_container_client))
        outcomes = CosmosOutcomeStore(database.get_container_client(COMMANDS.name))
        parked = CosmosParkedStore(database.get_container_client(PARKED.name))
        bus = BusOnFirstUse(settings.service_bus, stack)
        reacting = processes(int(settings.payment_deadline.total_seconds()))
        commands = CommandHandler(
            store=store,
            snapshots=CosmosSnapshotStore(database.get_container_client(SNAPSHOTS.name)),
            codec=CODEC,
            clock=now,
            new_id=lambda: str(uuid.uuid4()),
            pause=functools.partial(pause_with_jitter, asyncio.sleep),
        )
        consumers = (
            CommandConsumer(commands, outcomes, ENVELOPES).consumer,
            ReactionConsumer(commands, CODEC, ENVELOPES, reacting).consumer,
            NotificationConsumer(_webhook(settings, stack), bus, now, asyncio.sleep).consumer,
        )
        yield Services(
            commands=commands,
            asynchronous=AsynchronousCommands(outcomes, bus, ENVELOPES),
            queries=Queries(store, CODEC, views),
            runner=BatchRunner(store, CODEC, views),
            relay=Relay(store, CODEC, ENVELOPES, reacting, bus, now, settings.relay_replay_until),
            messages=MessageRunner(parked, now),
            consumers={each.name: each for each in consumers},
            parked=parked,
            bus=bus,
            dead_letters=bus,
        )


def _webhook(settings: Settings, stack: contextlib.AsyncExitStack) -> HttpWebhook | None:
    if settings.notifications is None:
        return None
    webhook = HttpWebhook(settings.notifications.url, settings.notifications.secret, now)
    stack.push_async_callback(webhook.close)
    return webhook


def now() -> datetime:
    return datetime.now(UTC)
