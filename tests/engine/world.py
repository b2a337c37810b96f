"""A service over memory: its parts, and one process of the toy domain with its bus."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from engine.assembly import Adapters, Domain, Surroundings, assemble
from engine.commands.outcomes.memory import MemoryOutcomeStore
from engine.consuming.feed.memory import MemoryEventFeed
from engine.consuming.feed.port import EventFeed
from engine.consuming.messages import Delivery, MessageConsumer
from engine.consuming.parked.memory import MemoryParkedStore
from engine.consuming.parked_streams.memory import MemoryParkedStreams
from engine.consuming.parked_streams.port import ParkedStreams
from engine.consuming.retry_policy import RetryPolicy
from engine.messaging.memory import MemoryBus
from engine.messaging.port import Received
from engine.messaging.topology import COMMAND_QUEUE, REACTION_QUEUE
from engine.projecting.counting.memory import MemoryRollupStore
from engine.projecting.counting.port import RollupStore
from engine.projecting.generations.memory import MemoryGenerationStore
from engine.projecting.generations.port import GenerationStore
from engine.projecting.memory import MemoryViewStore
from engine.projecting.port import ViewStore
from engine.services import Services
from engine.storing.memory import MemoryEventStore, MemorySnapshotStore
from engine.storing.port import EventStore
from engine.storing.snapshots import SnapshotStore
from engine.testing.times import NOON
from tests.engine.toy.registry import CODEC, DOMAIN


def services_over(
    store: EventStore,
    *,
    domain: Domain = DOMAIN,
    snapshots: SnapshotStore | None = None,
    views: ViewStore | None = None,
    rollups: RollupStore | None = None,
    generations: GenerationStore | None = None,
    outcomes: MemoryOutcomeStore | None = None,
    parked: MemoryParkedStore | None = None,
    parked_streams: ParkedStreams | None = None,
    feed: EventFeed | None = None,
    bus: MemoryBus | None = None,
    surroundings: Surroundings | None = None,
    relay_replay_until: datetime | None = None,
) -> Services:
    """What is not given is new and in memory."""
    bus = bus or MemoryBus()
    adapters = Adapters(
        store=store,
        feed=feed or MemoryEventFeed(store if isinstance(store, MemoryEventStore) else MemoryEventStore()),
        snapshots=snapshots or MemorySnapshotStore(),
        views=views or MemoryViewStore(),
        rollups=rollups or MemoryRollupStore(),
        generations=generations or MemoryGenerationStore(),
        outcomes=outcomes or MemoryOutcomeStore(),
        parked=parked or MemoryParkedStore(),
        parked_streams=parked_streams or MemoryParkedStreams(),
        bus=bus,
        dead_letters=bus,
    )
    return assemble(
        domain, adapters, surroundings=surroundings or Surroundings(), relay_replay_until=relay_replay_until
    )


@dataclass
class World:
    """`now` stands still unless somebody waits; `pauses` are the waits, in seconds."""

    store: MemoryEventStore = field(default_factory=MemoryEventStore)
    views: MemoryViewStore = field(default_factory=MemoryViewStore)
    rollups: MemoryRollupStore = field(default_factory=MemoryRollupStore)
    bus: MemoryBus = field(default_factory=MemoryBus)
    outcomes: MemoryOutcomeStore = field(default_factory=MemoryOutcomeStore)
    parked: MemoryParkedStore = field(default_factory=MemoryParkedStore)
    parked_streams: MemoryParkedStreams = field(default_factory=MemoryParkedStreams)
    generations: MemoryGenerationStore = field(default_factory=MemoryGenerationStore)
    now: datetime = NOON
    pauses: list[float] = field(default_factory=list)
    relayed: int = 0

    def __post_init__(self) -> None:
        self.change_feed = MemoryEventFeed(self.store)
        self.services = self.another_process()
        self.commands = self.services.commands
        self.asynchronous = self.services.asynchronous
        self.relay = self.services.relay
        self.retry_policy = RetryPolicy(self.clock, self.pause)

    def another_process(self, *, domain: Domain = DOMAIN, relay_replay_until: datetime | None = None) -> Services:
        """Over the same stores and the same bus."""
        return services_over(
            self.store,
            domain=domain,
            views=self.views,
            rollups=self.rollups,
            generations=self.generations,
            outcomes=self.outcomes,
            parked=self.parked,
            parked_streams=self.parked_streams,
            feed=self.change_feed,
            bus=self.bus,
            surroundings=Surroundings(self.clock, sleep=self.pause, monotonic=lambda: self.now.timestamp()),
            relay_replay_until=relay_replay_until,
        )

    def clock(self) -> datetime:
        return self.now

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += timedelta(seconds=seconds)

    async def feed(self) -> list[Mapping[str, Any]]:
        """What the change feed would bring since the last call."""
        commits = self.store.commits(self.relayed)
        self.relayed = commits.position
        return [{**item, "_ts": int(self.now.timestamp())} for item in commits.items]

    async def deliver(self, name: str, *messages: Received) -> None:
        """Hands over what waits in the entity, or these messages, one after the other."""
        for message in messages or self.bus.deliver(name):
            await self.hand_over(self.services.consumers[name], message)

    async def hand_over(self, consumer: MessageConsumer, message: Received) -> None:
        delivery = Delivery(message)
        await self.retry_policy.retry("a message", lambda: self.services.messages.attempt(consumer, delivery))

    async def settle(self) -> None:
        """Relays and delivers until nothing moves."""
        while items := await self.feed():
            await self.relay.run(items)
            await self.deliver(COMMAND_QUEUE)
            await self.deliver(REACTION_QUEUE)

    async def events(self, stream_id: str) -> list[Any]:
        return [CODEC.event_of(event) for event in await self.store.read(stream_id)]
