"""`Services` holds all that the functions of one worker process call."""

from collections.abc import Mapping
from dataclasses import dataclass

from engine.commands.asynchronous import AsynchronousCommands
from engine.commands.handler import CommandHandler
from engine.consuming.feed_runner import FeedConsumer
from engine.consuming.gauges import Gauges
from engine.consuming.health import HealthCheck
from engine.consuming.lag import Lags
from engine.consuming.messages import MessageConsumer, MessageRunner
from engine.consuming.parked.newer import NewerReleases
from engine.consuming.parked.port import ParkedStore
from engine.consuming.parked_streams.automatic import AutomaticReleases
from engine.consuming.parked_streams.port import ParkedStreams
from engine.consuming.waiting import Waiting
from engine.messaging.port import Bus, DeadLetters
from engine.projecting.counting.counter import Counter
from engine.projecting.counting.recent import RecentSums
from engine.projecting.counting.sums import RollupReader
from engine.projecting.feeding import Feeding
from engine.projecting.generations.known import KnownGenerations
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
    recent_sums: RecentSums
    projector: Projector
    counter: Counter
    feeding: Feeding
    generations: KnownGenerations
    refold: Refold
    relay: Relay
    messages: MessageRunner
    consumers: Mapping[str, MessageConsumer]
    newer: NewerReleases
    feed_consumers: Mapping[str, FeedConsumer]
    automatic: AutomaticReleases
    waiting: Waiting
    parked: ParkedStore
    parked_streams: ParkedStreams
    lags: Lags
    health: HealthCheck
    gauges: Gauges
    bus: Bus
    dead_letters: DeadLetters
