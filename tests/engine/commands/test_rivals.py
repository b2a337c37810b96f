"""Two processes whose clients all want one stream: a model in which a call of the store costs one round trip."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Collection, Sequence
from random import Random
from typing import Final, TypeVar

import pytest

from engine.assembly import Surroundings
from engine.commands.errors import TooBusy
from engine.commands.handler import RESTS_FOR, CommandHandler
from engine.storing.events import StoredEvent
from engine.storing.memory import MemoryEventStore
from engine.storing.port import Appended, Head
from tests.engine.contexts import context
from tests.engine.reacting.slow_bus import ManualLoop
from tests.engine.toy.house import AddBeds
from tests.engine.toy.registry import HOUSE
from tests.engine.world import services_over

T = TypeVar("T")

ROUND_TRIP: Final = 0.01
CLIENTS: Final = 16
"""Each process has so many, of whom each asks anew as soon as it is answered."""
SECONDS: Final = 6.0


class ModelLoop(ManualLoop):
    """Its time passes in waits alone, so that a run is the same on every machine."""

    def time(self) -> float:
        return self._skipped


class FarStore(MemoryEventStore):
    """Is `shared` as it is reached by one process, in round trips that vary."""

    def __init__(self, shared: MemoryEventStore, round_trip: float, chance: Random) -> None:
        super().__init__()
        self._streams, self._commits = shared._streams, shared._commits
        self._round_trip, self._chance = round_trip, chance
        self.calls = 0

    async def look_up(self, stream_id: str, after: int, command_ids: Collection[str]) -> Sequence[StoredEvent]:
        return await self._there_and_back(lambda: super(FarStore, self).look_up(stream_id, after, command_ids))

    async def append(self, stream_id: str, expected: Head, events: Sequence[StoredEvent]) -> Appended:
        return await self._there_and_back(lambda: super(FarStore, self).append(stream_id, expected, events))

    async def _there_and_back(self, call: Callable[[], Awaitable[T]]) -> T:
        self.calls += 1
        way = self._round_trip * self._chance.uniform(0.3, 0.7)
        await asyncio.sleep(way)
        try:
            return await call()
        finally:
            await asyncio.sleep(way)


class Model:
    """Counts what each process was answered, and how long each command took; `round_trips` are those of a process."""

    def __init__(self, round_trips: Sequence[float], seed: int) -> None:
        self.loop = ModelLoop()
        self.answered = [0 for _ in round_trips]
        self.turned_away = 0
        self.seconds: list[float] = []
        shared, chance = MemoryEventStore(), Random(seed)
        self.stores = [FarStore(shared, each, chance) for each in round_trips]
        surroundings = Surroundings(clock=self.loop.clock, sleep=asyncio.sleep)
        self._handlers = [services_over(store, surroundings=surroundings).commands for store in self.stores]

    @property
    def turns_per_second(self) -> float:
        return sum(self.answered) / CLIENTS / SECONDS

    @property
    def calls_per_turn(self) -> float:
        return sum(store.calls for store in self.stores) / (sum(self.answered) / CLIENTS)

    def run(self) -> None:
        async def clients() -> None:
            processes = range(len(self.answered))
            await asyncio.gather(*(self._client(process, n) for process in processes for n in range(CLIENTS)))
            await asyncio.gather(*(handler.idle() for handler in self._handlers))

        self.loop.run_until_complete(clients())
        self.loop.close()

    async def _client(self, process: int, name: int) -> None:
        for asked in itertools.count():
            began = self.loop.time()
            if began > SECONDS:
                return
            try:
                command = context(f"{process}-{name}-{asked}").to("house-hill", AddBeds("hill", 1))
                await self._handlers[process].handle(HOUSE, command)
            except TooBusy:
                self.turned_away += 1
            else:
                self.answered[process] += 1
                self.seconds.append(self.loop.time() - began)


def modelled(*round_trips: float, seed: int) -> Model:
    model = Model([each * ROUND_TRIP for each in round_trips], seed)
    model.run()
    return model


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("round_trips", [(1.0, 1.0), (1.0, 1.2), (1.0, 1.5), (1.0, 1.0, 1.0)])
def test_processes_of_which_all_want_one_stream_get_their_shares(round_trips: tuple[float, ...], seed: int) -> None:
    model = modelled(*round_trips, seed=seed)
    assert max(model.answered) <= 2 * min(model.answered)
    assert 0 == model.turned_away
    assert model.turns_per_second > 0.4 / ROUND_TRIP
    assert max(model.seconds) < 1
    assert sorted(model.seconds)[len(model.seconds) * 99 // 100] < 25 * ROUND_TRIP


@pytest.mark.parametrize("seed", range(3))
def test_one_that_is_three_times_as_far_away_is_not_starved(seed: int) -> None:
    model = modelled(1.0, 3.0, seed=seed)
    assert 0 == model.turned_away
    assert max(model.answered) <= 5 * min(model.answered)


def test_one_without_rivals_gives_a_tenth_of_its_time_away() -> None:
    model = modelled(1.0, seed=1)
    assert model.turns_per_second > 0.9 / ROUND_TRIP
    assert 1.0 == pytest.approx(model.calls_per_turn, rel=0.01)


def test_a_rival_that_has_gone_is_soon_forgotten() -> None:
    async def asked() -> list[float]:
        await model._handlers[1].handle(HOUSE, context("theirs-1").to("house-hill", AddBeds("hill", 1)))
        await _in_one_group(handler, "first")
        await model._handlers[1].handle(HOUSE, context("theirs-2").to("house-hill", AddBeds("hill", 1)))
        took = []
        for number in range(60):
            began = model.loop.time()
            await _in_one_group(handler, str(number))
            took.append(model.loop.time() - began)
        await handler.idle()
        return took

    model = Model([ROUND_TRIP, ROUND_TRIP], seed=1)
    handler = model._handlers[0]
    took = model.loop.run_until_complete(asked())
    model.loop.close()
    assert max(took) < 12 * ROUND_TRIP
    assert sum(each > 2 * ROUND_TRIP for each in took) < 25
    assert max(took[-20:]) < RESTS_FOR + 3 * ROUND_TRIP


async def _in_one_group(handler: CommandHandler, name: str) -> None:
    commands = [context(f"{name}-{number}").to("house-hill", AddBeds("hill", 1)) for number in (1, 2)]
    await asyncio.gather(*(handler.handle(HOUSE, each) for each in commands))
