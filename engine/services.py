"""`Services` holds all that the functions of one worker process call."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.commands.asynchronous import AsynchronousCommands
from engine.commands.handler import CommandHandler
from engine.consuming.feed_runner import FeedConsumer
from engine.consuming.health import HealthCheck
from engine.consuming.lag import Lags
from engine.consuming.messages import MessageConsumer, MessageRunner
from engine.consuming.parked.newer import NewerReleases
from engine.consuming.parked.port import ParkedStore
from engine.consuming.parked_streams.automatic import AutomaticReleases
from engine.messaging.port import Bus, DeadLetters
from engine.projecting.counting.counter import Counter
from engine.projecting.counting.rollup import Rollup
from engine.projecting.counting.sums import RollupReader
from engine.projecting.projection import Projection
from engine.projecting.projector import Projector
from engine.projecting.queries import Queries
from engine.projecting.refold import Refold
from engine.reacting.relay import Relay


@dataclass(frozen=True, slots=True)
class Services:
    """Holds the services of one worker process; consumers of the bus and of the feed are found by their names."""

    commands: CommandHandler
    asynchronous: AsynchronousCommands
    queries: Queries
    rollups: RollupReader
    projector: Projector
    counter: Counter
    refold: Refold
    relay: Relay
    messages: MessageRunner
    consumers: Mapping[str, MessageConsumer]
    newer: NewerReleases
    feed_consumers: Mapping[str, FeedConsumer]
    automatic: AutomaticReleases
    parked: ParkedStore
    lags: Lags
    health: HealthCheck
    bus: Bus
    dead_letters: DeadLetters

    async def project(self, projection: Projection[Any] | Rollup, items: Iterable[Mapping[str, Any]]) -> None:
        """Applies a batch of the change feed to a read model. Raises ConsumerError."""
        if isinstance(projection, Rollup):
            await self.counter.run(projection, items)
        else:
            await self.projector.run(projection, items)
