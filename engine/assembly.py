"""The services of a worker process are assembled from a domain and from adapters; nothing connects here."""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.clock import utc_now
from engine.commands.asynchronous import AsynchronousCommands
from engine.commands.consumer import CommandConsumer
from engine.commands.handler import CommandHandler
from engine.commands.outcomes.port import OutcomeStore
from engine.consuming.feed.port import EventFeed
from engine.consuming.feed_runner import FeedRunner
from engine.consuming.gauges import Gauges
from engine.consuming.health import HealthCheck
from engine.consuming.lag import Lags
from engine.consuming.messages import MessageConsumer, MessageRunner
from engine.consuming.parked.known import KnownSessions
from engine.consuming.parked.newer import NewerReleases
from engine.consuming.parked.port import ParkedStore
from engine.consuming.parked.release import Release
from engine.consuming.parked_streams.automatic import AutomaticReleases
from engine.consuming.parked_streams.port import ParkedStreams
from engine.consuming.parked_streams.release import StreamRelease
from engine.consuming.parking import Parking
from engine.consuming.waiting import Waiting
from engine.deciding.aggregate import Aggregate
from engine.deciding.process import Process
from engine.messaging.notification import Webhook
from engine.messaging.port import Bus, DeadLetters
from engine.messaging.topology import COMMAND_QUEUE, NOTIFICATION_QUEUE, REACTION_QUEUE
from engine.messaging.wire import EnvelopeCodec
from engine.projecting.counting.counter import Counter
from engine.projecting.counting.port import RollupStore
from engine.projecting.counting.recent import RecentSums
from engine.projecting.counting.sums import RollupReader
from engine.projecting.feeding import Feeding
from engine.projecting.generations.known import KnownGenerations
from engine.projecting.generations.port import GenerationStore
from engine.projecting.port import ViewStore
from engine.projecting.projector import Projector
from engine.projecting.queries import Queries
from engine.projecting.query import AnyProjection
from engine.projecting.refold import Refold
from engine.reacting.notifications import NotificationConsumer
from engine.reacting.reactions import ReactionConsumer
from engine.reacting.relay import Relay
from engine.services import Services
from engine.storing.codec import EventCodec
from engine.storing.port import EventStore
from engine.storing.snapshots import SnapshotStore


@dataclass(frozen=True, slots=True)
class Domain:
    """Registers every aggregate of the service, those of processes included, every process and every read model.

    `projections` has each generation of each read model.
    """

    aggregates: Sequence[Aggregate[Any, Any, Any]]
    processes: Sequence[Process[Any, Any, Any]] = ()
    projections: Sequence[AnyProjection] = ()


@dataclass(frozen=True, slots=True)
class Adapters:
    """Holds one adapter for each port. Without a webhook, no notification is sent."""

    store: EventStore
    feed: EventFeed
    snapshots: SnapshotStore
    views: ViewStore
    rollups: RollupStore
    generations: GenerationStore
    outcomes: OutcomeStore
    parked: ParkedStore
    parked_streams: ParkedStreams
    bus: Bus
    dead_letters: DeadLetters
    webhook: Webhook | None = None


def random_id() -> str:
    return str(uuid.uuid4())


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Holds what a worker process needs beside its adapters: clocks, ids, and `sleep`, which takes seconds."""

    clock: Callable[[], datetime] = utc_now
    new_id: Callable[[], str] = random_id
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    monotonic: Callable[[], float] = time.monotonic


def assemble(
    domain: Domain,
    adapters: Adapters,
    *,
    surroundings: Surroundings = Surroundings(),
    relay_replay_until: datetime | None = None,
) -> Services:
    """Returns the services of `domain` on these adapters.

    Before `relay_replay_until`, the relay sends events of any age.
    """
    codec, envelopes = EventCodec.of(domain.aggregates), EnvelopeCodec(domain.aggregates)
    clock, sleep = surroundings.clock, surroundings.sleep
    runner = FeedRunner(Parking(adapters.parked_streams, clock, surroundings.monotonic), clock, sleep)
    commands = CommandHandler(
        store=adapters.store,
        snapshots=adapters.snapshots,
        codec=codec,
        clock=clock,
        new_id=surroundings.new_id,
        sleep=sleep,
    )
    handlers = {
        COMMAND_QUEUE: CommandConsumer(commands, adapters.outcomes, envelopes).handle,
        REACTION_QUEUE: ReactionConsumer(commands, codec, envelopes, domain.processes).handle,
        NOTIFICATION_QUEUE: NotificationConsumer(adapters.webhook, adapters.bus, clock, sleep).handle,
    }
    lags = Lags(adapters.feed)
    rollups = RollupReader(adapters.rollups, clock)
    health = HealthCheck(
        lags,
        adapters.parked,
        adapters.parked_streams,
        adapters.bus,
        adapters.dead_letters,
        clock,
        surroundings.monotonic,
    )
    consumers = {name: MessageConsumer(name, handler, envelopes.vocabulary) for name, handler in handlers.items()}
    projector = Projector(adapters.store, codec, adapters.views, runner)
    counter = Counter(adapters.store, codec, adapters.rollups, runner)
    relay = Relay(adapters.store, codec, envelopes, domain.processes, adapters.bus, runner, relay_replay_until)
    generations = KnownGenerations(adapters.generations, surroundings.monotonic)
    feeding = Feeding(generations, runner, projector, counter)
    of_the_feed = {each.name: each for each in [*map(feeding.consumer, domain.projections), relay.consumer]}
    release = Release(adapters.parked, clock, sleep)
    stream_release = StreamRelease(adapters.parked_streams, adapters.store, clock, sleep)
    return Services(
        commands=commands,
        asynchronous=AsynchronousCommands(adapters.outcomes, adapters.bus, envelopes),
        queries=Queries(adapters.store, codec, adapters.views),
        rollups=rollups,
        recent_sums=RecentSums(rollups, surroundings.monotonic),
        projector=projector,
        counter=counter,
        feeding=feeding,
        generations=generations,
        refold=Refold(adapters.store, adapters.snapshots, codec, adapters.views),
        relay=relay,
        messages=MessageRunner(adapters.parked, KnownSessions(adapters.parked, surroundings.monotonic), clock, sleep),
        consumers=consumers,
        newer=NewerReleases(release, consumers.values()),
        feed_consumers=of_the_feed,
        automatic=AutomaticReleases(stream_release, of_the_feed.values()),
        waiting=Waiting(consumers, of_the_feed, release, stream_release),
        parked=adapters.parked,
        parked_streams=adapters.parked_streams,
        lags=lags,
        health=health,
        gauges=Gauges(health, adapters.dead_letters),
        bus=adapters.bus,
        dead_letters=adapters.dead_letters,
    )
