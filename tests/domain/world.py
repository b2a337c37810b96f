"""The streams of some orders in a small world: real deciders, and messages that come late, out of order and twice.

Messages from one stream to another keep their order; between two pairs of streams anything goes. Whatever was
delivered may be delivered again at any later moment. A command that took effect is answered from the log when it comes
again, as the handler of commands does it; one that left no event is decided afresh. The processes get no such help:
they have to be right by themselves.
"""

from collections import defaultdict, deque
from collections.abc import Iterator
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


@dataclass
class World:
    history: dict[str, list[Any]] = field(default_factory=lambda: defaultdict(list))
    waiting: dict[tuple[str, str], deque[Message]] = field(default_factory=lambda: defaultdict(deque))
    scheduled: list[Message] = field(default_factory=list)
    delivered: list[Message] = field(default_factory=list)
    _states: dict[str, Any] = field(default_factory=dict)
    _took_effect: set[tuple[str, MessageId]] = field(default_factory=set)

    def state(self, stream_id: str) -> Any:
        return self._states.get(stream_id, _aggregate_of(stream_id).decider.initial)

    def handle(self, message: Message) -> bool:
        """Whether it takes effect now."""
        decider, stream_id = _aggregate_of(message.stream_id).decider, message.stream_id
        if (stream_id, message.message_id) in self._took_effect and not _is_process(stream_id):
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
            self._relay(stream_id, len(self.history[stream_id]), event)
        return bool(decided)

    def _relay(self, stream_id: str, version: int, event: Any) -> None:
        entity_id = PROCESS.entity_id(event)
        if entity_id is not None:
            process = PROCESS.aggregate.stream_id(entity_id)
            self.waiting[stream_id, process].append(Message((stream_id, version), process, event))
        if _is_process(stream_id):
            for index, issued in enumerate(PROCESS.issued(event)):
                target = f"{issued.category}-{issued.entity_id}"
                message = Message((stream_id, version, index), target, issued.command)
                if issued.after_seconds:
                    self.scheduled.append(message)
                else:
                    self.waiting[stream_id, target].append(message)

    def queues(self) -> list[deque[Message]]:
        return [queue for queue in self.waiting.values() if queue]

    def deliver(self, queue: deque[Message]) -> None:
        message = queue.popleft()
        self.handle(message)
        self.delivered.append(message)

    def deliver_all(self) -> None:
        while queues := self.queues():
            self.deliver(queues[0])

    def fire(self, deadline: Message) -> None:
        self.scheduled.remove(deadline)
        self.handle(deadline)
        self.delivered.append(deadline)

    def run_out_of_time(self) -> None:
        """Every deadline fires, and all that follows from it happens."""
        while self.scheduled:
            self.fire(self.scheduled[0])
            self.deliver_all()

    def events(self, stream_id: str, *types: type) -> Iterator[Any]:
        return (event for event in self.history[stream_id] if isinstance(event, types))


def _is_process(stream_id: str) -> bool:
    return _aggregate_of(stream_id) is PROCESS.aggregate


def _aggregate_of(stream_id: str) -> Aggregate[Any, Any, Any]:
    return _AGGREGATES[stream_id.partition("-")[0]]
