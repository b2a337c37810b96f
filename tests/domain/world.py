"""The streams of some orders in a small world: real deciders, and messages that come late, out of order and twice.

Nothing keeps its order: of the messages that wait, any may be the next, those of one stream included, for a dead letter
that is redriven comes after all that was sent behind it. Whatever was delivered may be delivered again at any later
moment. A command that took effect is answered from the log when it comes again, as the handler of commands does it;
one that left no event is decided afresh. The processes get no such help: they have to be right by themselves.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from domain.fulfilment.reactions import fulfilment
from domain.order.aggregate import ORDER
from domain.payment.aggregate import PAYMENT
from domain.stock.aggregate import STOCK
from engine.deciding.aggregate import Aggregate
from engine.deciding.decider import DomainError

PROCESS = fulfilment(payment_deadline_seconds=900)
_AGGREGATES: dict[str, Aggregate[Any, Any, Any]] = {
    each.category: each for each in (ORDER, PAYMENT, STOCK, PROCESS.aggregate)
}

MessageId = tuple[object, ...]


@dataclass(frozen=True)
class Message:
    """A command, or an event for the process to react to; its id tells repetitions."""

    message_id: MessageId
    stream_id: str
    content: object
    is_scheduled: bool = False


@dataclass
class World:
    history: dict[str, list[Any]] = field(default_factory=lambda: defaultdict(list))
    waiting: list[Message] = field(default_factory=list)
    dead: list[Message] = field(default_factory=list)
    scheduled: list[Message] = field(default_factory=list)
    delivered: list[Message] = field(default_factory=list)
    _states: dict[str, Any] = field(default_factory=dict)
    _took_effect: set[tuple[str, MessageId]] = field(default_factory=set)

    def state(self, stream_id: str) -> Any:
        return self._states.get(stream_id, aggregate_of(stream_id).decider.initial)

    def events(self, stream_id: str) -> Sequence[Any]:
        return self.history[stream_id]

    def handle(self, message: Message) -> bool:
        """Whether it takes effect now."""
        decider, stream_id = aggregate_of(message.stream_id).decider, message.stream_id
        if (stream_id, message.message_id) in self._took_effect and not is_process(stream_id):
            return False
        try:
            decided = decider.decide(message.content, self.state(stream_id))
        except DomainError:
            return False
        if decided:
            self._took_effect.add((stream_id, message.message_id))
        for event in decided:
            self._states[stream_id] = decider.evolve(self.state(stream_id), event)
            self.history[stream_id].append(event)
            for sent in messages_of(stream_id, len(self.history[stream_id]), event):
                (self.scheduled if sent.is_scheduled else self.waiting).append(sent)
        return bool(decided)

    def deliver(self, index: int) -> None:
        """Any of those that wait."""
        message = self.waiting.pop(index)
        self.handle(message)
        self.delivered.append(message)

    def bury(self, index: int) -> None:
        """Makes a dead letter of one that waits."""
        self.dead.append(self.waiting.pop(index))

    def redrive(self) -> None:
        self.waiting += self.dead
        self.dead.clear()

    def deliver_all(self) -> None:
        while self.waiting:
            self.deliver(0)

    def fire(self, deadline: Message) -> None:
        self.scheduled.remove(deadline)
        self.handle(deadline)
        self.delivered.append(deadline)

    def run_out_of_time(self) -> None:
        """Every deadline fires, and all that follows from it happens."""
        while self.scheduled:
            self.fire(self.scheduled[0])
            self.deliver_all()


def messages_of(stream_id: str, number: object, event: Any) -> list[Message]:
    """What the relay sends for an event; `number` tells the events of a stream apart."""
    messages: list[Message] = []
    entity_id = PROCESS.entity_id(event)
    if entity_id is not None:
        messages.append(Message((stream_id, number), PROCESS.aggregate.stream_id(entity_id), event))
    if is_process(stream_id):
        for index, issued in enumerate(PROCESS.issued(event)):
            target = f"{issued.category}-{issued.entity_id}"
            messages.append(Message((stream_id, number, index), target, issued.command, issued.after_seconds > 0))
    return messages


def is_process(stream_id: str) -> bool:
    return aggregate_of(stream_id) is PROCESS.aggregate


def aggregate_of(stream_id: str) -> Aggregate[Any, Any, Any]:
    return _AGGREGATES[stream_id.partition("-")[0]]
