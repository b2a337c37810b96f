"""The service over memory: one process of it, with its bus, and a toy process that greets every order."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from domain.order.aggregate import ORDER
from domain.order.commands import CancelOrder
from domain.order.events import OrderPlaced
from domain.stock.aggregate import STOCK
from engine.assembly import Adapters, Domain, Surroundings, assemble, random_id
from engine.commands.outcomes.memory import MemoryOutcomeStore
from engine.consuming.messages import Delivery, MessageConsumer
from engine.consuming.parked.memory import MemoryParkedStore
from engine.consuming.retry_policy import RetryPolicy
from engine.deciding.aggregate import Aggregate
from engine.deciding.decider import Decider
from engine.deciding.process import Issued, Process
from engine.messaging.envelope import Origin
from engine.messaging.memory import MemoryBus
from engine.messaging.port import Received
from engine.messaging.topology import COMMAND_QUEUE, REACTION_QUEUE
from engine.messaging.wire import EnvelopeCodec
from engine.projecting.memory import MemoryViewStore
from engine.storing.codec import EventCodec
from engine.storing.memory import MemoryEventStore, MemorySnapshotStore
from engine.testing.specification import NOON
from engine.triggers.http_requests import CommandRequest

TRACE: Final = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
FEED_LAG: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Remind:
    """The greeting's own wake-up."""


@dataclass(frozen=True, slots=True)
class Greeted:
    order_id: str
    issued: tuple[Issued[CancelOrder | Remind], ...]


@dataclass(frozen=True, slots=True)
class Reminded:
    issued: tuple[Issued[CancelOrder | Remind], ...] = ()


def _greet(trigger: OrderPlaced | Remind, _greeted: bool) -> tuple[Greeted | Reminded, ...]:
    """Does not look whether it has greeted already: that a trigger counts once is not its business."""
    if isinstance(trigger, Remind):
        return (Reminded(),)
    cancel = Issued("order", trigger.order_id, CancelOrder("nobody came"), after_seconds=60)
    wake_up = Issued("greeting", trigger.order_id, Remind(), after_seconds=30)
    return (Greeted(trigger.order_id, (cancel, wake_up)),)


GREETING: Final[Process[Any, Any, Any]] = Process(
    aggregate=Aggregate(
        "greeting",
        Decider(False, _greet, lambda _state, _event: True),
        events=Greeted | Reminded,
        commands=Remind,
    ),
    inputs=OrderPlaced,
    correlation=lambda placed: placed.order_id,
    issued=lambda event: event.issued,
)

_AGGREGATES: Final = (ORDER, STOCK, GREETING.aggregate)
CODEC: Final = EventCodec.of(_AGGREGATES)
ENVELOPES: Final = EnvelopeCodec(_AGGREGATES)


@dataclass
class World:
    """`now` stands still unless somebody waits; `pauses` are the waits."""

    store: MemoryEventStore = field(default_factory=MemoryEventStore)
    bus: MemoryBus = field(default_factory=MemoryBus)
    outcomes: MemoryOutcomeStore = field(default_factory=MemoryOutcomeStore)
    parked: MemoryParkedStore = field(default_factory=MemoryParkedStore)
    now: datetime = NOON
    pauses: list[float] = field(default_factory=list)
    relayed: int = 0

    def __post_init__(self) -> None:
        adapters = Adapters(
            self.store, MemorySnapshotStore(), MemoryViewStore(), self.outcomes, self.parked, self.bus, self.bus
        )
        surroundings = Surroundings(self.clock, random_id, self.pause)
        self.services = assemble(Domain(_AGGREGATES, (GREETING,)), adapters, surroundings=surroundings)
        self.commands = self.services.commands
        self.asynchronous = self.services.asynchronous
        self.relay = self.services.relay
        self.messages = self.services.messages
        self.consumers = self.services.consumers
        self.retry_policy = RetryPolicy(self.clock, self.pause)

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
            await self.hand_over(self.consumers[name], message)

    async def hand_over(self, consumer: MessageConsumer, message: Received) -> None:
        delivery = Delivery(message)
        await self.retry_policy.retry("a message", lambda: self.messages.attempt(consumer, delivery))

    async def settle(self) -> None:
        """Relays and delivers until nothing moves."""
        while items := await self.feed():
            await self.relay.run(items)
            await self.deliver(COMMAND_QUEUE)
            await self.deliver(REACTION_QUEUE)

    async def events(self, stream_id: str) -> list[Any]:
        return [CODEC.event_of(event) for event in await self.store.read(stream_id)]


def client(key: str, fingerprint: str = "f", expected_version: int | None = None) -> CommandRequest[None]:
    return CommandRequest(None, key, fingerprint, Origin("ada", key, key, TRACE), expected_version)
