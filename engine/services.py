"""`Services` holds all that the functions of one worker process call."""

from collections.abc import Mapping
from dataclasses import dataclass

from engine.commands.asynchronous import AsynchronousCommands
from engine.commands.handler import CommandHandler
from engine.consuming.messages import MessageConsumer, MessageRunner
from engine.consuming.parked.newer import NewerReleases
from engine.consuming.parked.port import ParkedStore
from engine.messaging.port import Bus, DeadLetters
from engine.projecting.feeding import Feeding
from engine.projecting.generations.known import KnownGenerations
from engine.projecting.projector import Projector
from engine.projecting.queries import Queries
from engine.projecting.refold import Refold
from engine.reacting.relay import Relay
from engine.storing.feed import EventFeed


@dataclass(frozen=True, slots=True)
class Services:
    """Holds the services of one worker process; `consumers` maps the name of a consumer of the bus to it."""

    commands: CommandHandler
    asynchronous: AsynchronousCommands
    queries: Queries
    projector: Projector
    feeding: Feeding
    generations: KnownGenerations
    feed: EventFeed
    refold: Refold
    relay: Relay
    messages: MessageRunner
    consumers: Mapping[str, MessageConsumer]
    newer: NewerReleases
    parked: ParkedStore
    bus: Bus
    dead_letters: DeadLetters
