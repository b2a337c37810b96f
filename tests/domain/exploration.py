"""Every situation that the streams of one order and one sku can come into, each of them once.

A situation is where the streams are, what has happened in them, and which of the messages that followed from it were
delivered. From each one leads a step for every message that was ever sent (for the first time, or once more, in any
order, deadlines at any moment) and one for everything that people may do. So every permutation of facts and commands,
with all their repetitions and delays, is a walk through these situations, and what holds in each situation holds after
each walk.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypeVar

from domain.stock.state import StockState
from engine.deciding.decider import DomainError
from tests.domain.world import Message, aggregate_of, is_process, messages_of

T = TypeVar("T")


class Situation(NamedTuple):
    """Numbers and sets of numbers (as bits), so that a million of them can be told apart quickly."""

    states: tuple[int, ...]
    happened: int
    delivered: int
    took_effect: int


@dataclass
class _Numbered(Generic[T]):
    """Gives a value the same number each time."""

    values: list[T] = field(default_factory=list)
    _numbers: dict[Any, int] = field(default_factory=dict)

    def number(self, value: T, key: Any = None) -> int:
        key = value if key is None else key
        found = self._numbers.get(key)
        if found is None:
            found = self._numbers[key] = len(self.values)
            self.values.append(value)
        return found


class Exploration:
    """`doings` are what people may do, again and again, each a stream and a command to it."""

    def __init__(self, stream_ids: Sequence[str], doings: Sequence[tuple[str, object]]) -> None:
        self.stream_ids = stream_ids
        self._doings = [(stream_ids.index(stream_id), command) for stream_id, command in doings]
        self._states: list[_Numbered[Any]] = [_Numbered() for _ in stream_ids]
        self._events: _Numbered[tuple[str, Any]] = _Numbered()
        self._messages: _Numbered[Message] = _Numbered()
        self._sent_by: list[int] = []
        self._scheduled = 0
        self._decided: dict[tuple[int, int, object], tuple[int, int]] = {}
        self._sent: dict[int, int] = {}
        self._came_from: dict[Situation, Situation | None] = {}

    def every_situation(self, *first: tuple[str, object]) -> Iterator["Reached"]:
        """That the streams come into after these commands."""
        initial = (aggregate_of(each).decider.initial for each in self.stream_ids)
        situation = Situation(tuple(self._number_of(*each) for each in enumerate(initial)), 0, 0, 0)
        for stream_id, command in first:
            situation = self._done(situation, self.stream_ids.index(stream_id), command)
        self._came_from[situation] = None
        open_ones = [situation]
        while open_ones:
            situation = open_ones.pop()
            yield Reached(self, situation)
            for following in self._steps(situation):
                if following not in self._came_from:
                    self._came_from[following] = situation
                    open_ones.append(following)

    def _steps(self, situation: Situation) -> Iterator[Situation]:
        for index, command in self._doings:
            yield self._done(situation, index, command)
        remaining, number = self.sent(situation.happened) & ~situation.took_effect, 0
        while remaining:
            if remaining & 1:
                yield self._delivered(situation, number)
            remaining >>= 1
            number += 1

    def _delivered(self, situation: Situation, number: int) -> Situation:
        message = self._messages.values[number]
        index = self.stream_ids.index(message.stream_id)
        done = self._done(situation, index, message.content)
        took_effect = done.happened != situation.happened and not is_process(message.stream_id)
        return done._replace(
            delivered=situation.delivered | 1 << number,
            took_effect=situation.took_effect | took_effect << number,
        )

    def _done(self, situation: Situation, index: int, command: object) -> Situation:
        state, events = self._decide(index, situation.states[index], command)
        if not events:
            return situation
        assert not events & situation.happened, f"{command} does again what has been done: {self.told(situation)}"
        states = (*situation.states[:index], state, *situation.states[index + 1 :])
        return situation._replace(states=states, happened=situation.happened | events)

    def _decide(self, index: int, before: int, command: object) -> tuple[int, int]:
        """The state after the command, and the events that follow from it."""
        key = (index, before, command)
        known = self._decided.get(key)
        if known is None:
            stream_id, state = self.stream_ids[index], self._states[index].values[before]
            decider, events = aggregate_of(stream_id).decider, 0
            try:
                for event in decider.decide(command, state):
                    state = decider.evolve(state, event)
                    events |= 1 << self._events.number((stream_id, event))
            except DomainError:
                pass
            known = self._decided[key] = (self._number_of(index, state), events)
        return known

    def _number_of(self, index: int, state: Any) -> int:
        # The map of reservations has no hash.
        key = (state.on_hand, *sorted(state.reservations.items())) if isinstance(state, StockState) else state
        return self._states[index].number(state, key)

    def sent(self, happened: int) -> int:
        """The messages that follow from what has happened."""
        known = self._sent.get(happened)
        if known is None:
            known = 0
            for number in _bits(happened):
                known |= self._sent_for(number)
            self._sent[happened] = known
        return known

    def _sent_for(self, event: int) -> int:
        while len(self._sent_by) <= event:
            stream_id, content = self._events.values[len(self._sent_by)]
            sent = 0
            for message in messages_of(stream_id, len(self._sent_by), content):
                bit = 1 << self._messages.number(message)
                sent |= bit
                if message.is_scheduled:
                    self._scheduled |= bit
            self._sent_by.append(sent)
        return self._sent_by[event]

    def under_way(self, situation: Situation) -> tuple[bool, bool]:
        """Whether a message waits to be delivered, and whether a deadline does."""
        waiting = self.sent(situation.happened) & ~situation.delivered
        return bool(waiting & ~self._scheduled), bool(waiting & self._scheduled)

    def state(self, situation: Situation, stream_id: str) -> Any:
        index = self.stream_ids.index(stream_id)
        return self._states[index].values[situation.states[index]]

    def happened(self, situation: Situation, stream_id: str) -> list[Any]:
        happened = (self._events.values[number] for number in _bits(situation.happened))
        return [event for where, event in happened if where == stream_id]

    def told(self, situation: Situation) -> str:
        """What led here, event by event."""
        walk: list[Situation] = [situation]
        while (before := self._came_from[walk[-1]]) is not None:
            walk.append(before)
        told, seen = [], 0
        for each in reversed(walk):
            told += [f"{self._events.values[number]}" for number in _bits(each.happened & ~seen)]
            seen = each.happened
        return "\n".join(told)


@dataclass(frozen=True)
class Reached:
    """A situation, as `balance` looks at it."""

    exploration: Exploration
    situation: Situation

    def state(self, stream_id: str) -> Any:
        return self.exploration.state(self.situation, stream_id)

    def events(self, stream_id: str) -> Sequence[Any]:
        return self.exploration.happened(self.situation, stream_id)

    @property
    def something_is_under_way(self) -> bool:
        return self.exploration.under_way(self.situation)[0]

    @property
    def time_has_run_out(self) -> bool:
        return not self.exploration.under_way(self.situation)[1]

    def must(self, hold: Callable[..., None], *arguments: object) -> None:
        try:
            hold(self, *arguments)
        except AssertionError as error:
            raise AssertionError(f"{error}\nafter\n{self.exploration.told(self.situation)}") from error


def _bits(number: int) -> Iterator[int]:
    position = 0
    while number:
        if number & 1:
            yield position
        number >>= 1
        position += 1
