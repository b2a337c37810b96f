"""What one process has: whatever its functions call."""

from collections.abc import Mapping
from dataclasses import dataclass

from engine.commands.asynchronous import AsynchronousCommands
from engine.commands.handler import CommandHandler
from engine.consuming.messages import MessageConsumer, MessageRunner
from engine.consuming.parked.port import ParkedStore
from engine.messaging.port import Bus, DeadLetters
from engine.projecting.projector import Projector
from engine.projecting.queries import Queries
from engine.reacting.relay import Relay


@dataclass(frozen=True, slots=True)
class Services:
    """`consumers` are those of the bus, by name."""

    commands: CommandHandler
    asynchronous: AsynchronousCommands
    queries: Queries
    projector: Projector
    relay: Relay
    messages: MessageRunner
    consumers: Mapping[str, MessageConsumer]
    parked: ParkedStore
    bus: Bus
    dead_letters: DeadLetters
