"""Nothing that is done with a long stream holds the event loop for long, however much there is."""

import asyncio
import gc
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from engine.commands.loading import Asked
from engine.deciding.aggregate import SnapshotFormat
from engine.storing.memory import MemoryEventStore
from engine.storing.port import PAGE
from engine.testing.times import NOON
from engine.turns import in_turns
from tests.engine.commands.desk import Desk
from tests.engine.commands.hostile_store import HostileStore
from tests.engine.houses import HOUSE_STREAM, filled_with_beds
from tests.engine.toy.house import from_data, to_data
from tests.engine.toy.read_models.house_beds import HOUSE_BEDS
from tests.engine.toy.registry import HOUSE
from tests.engine.triggers.door import Door, ask
from tests.engine.world import World, services_over

COUNT = 60_000
MOST_SECONDS = 0.05


class Heart:
    """Beats whenever the loop lets it; `longest` is the longest time that the loop worked between two of them."""

    def __init__(self) -> None:
        self.beats = 0
        self.longest = 0.0
        self._last = time.thread_time()

    async def beat(self) -> None:
        while True:
            await asyncio.sleep(0)
            self.beats += 1
            self.note()

    def note(self) -> None:
        now = time.thread_time()
        self.longest, self._last = max(self.longest, now - self._last), now


async def heart_during(work: Callable[[], Awaitable[object]]) -> Heart:
    heart = Heart()
    beating = asyncio.create_task(heart.beat())
    await asyncio.sleep(0)
    try:
        await work()
        heart.note()
    finally:
        beating.cancel()
        await asyncio.gather(beating, return_exceptions=True)
    return heart


async def calm_during(work: Callable[[], Awaitable[object]], *, beats: int) -> None:
    """The loop turns at least `beats` times. The time is the best of some, since the machine does other things too."""
    hearts = [await heart_during(work) for _ in range(4)]
    assert min(heart.beats for heart in hearts) >= beats
    assert min(heart.longest for heart in hearts) < MOST_SECONDS


@pytest.fixture(scope="module")
def long() -> Iterator[MemoryEventStore]:
    store = MemoryEventStore()
    asyncio.run(filled_with_beds(store, COUNT))
    # Otherwise lies in a database what the garbage collector would look through here.
    gc.freeze()
    yield store
    gc.unfreeze()


async def test_a_cold_command(long: MemoryEventStore) -> None:
    async def load() -> None:
        store = HostileStore()
        store.memory = long
        loaded = await Desk(store).handler.loader.load(Asked(HOUSE, HOUSE_STREAM, ["k"]))
        assert (COUNT, True) == (loaded.folded, loaded.whole)

    await calm_during(load, beats=COUNT // PAGE)


async def test_a_view_that_is_not_there_yet(long: MemoryEventStore) -> None:
    queries = services_over(long).queries

    async def view() -> None:
        assert COUNT == (await queries.view(HOUSE_BEDS, HOUSE_STREAM)).version

    await calm_during(view, beats=COUNT // PAGE)


async def test_a_view_of_the_past(long: MemoryEventStore) -> None:
    queries = services_over(long).queries

    async def view() -> None:
        assert COUNT == (await queries.view_at(HOUSE_BEDS, HOUSE_STREAM, time=NOON)).version

    await calm_during(view, beats=COUNT // PAGE)


async def test_the_largest_page_of_events(long: MemoryEventStore) -> None:
    door = Door()
    door.world = World(store=long)

    async def page() -> None:
        answered = await ask(door.events_of, params={"limit": "500"}, streams=HOUSE_STREAM)
        assert (500, True) == (len(answered.body["events"]), "continuation" in answered.body)

    await calm_during(page, beats=0)


async def test_a_batch_of_the_feed(long: MemoryEventStore) -> None:
    items = long.commits().items[:20_000]

    async def project() -> None:
        await services_over(long).projector.run(HOUSE_BEDS, items)

    await calm_during(project, beats=4)


async def test_a_hole_that_a_read_model_fills(long: MemoryEventStore) -> None:
    items = long.commits().items[-1:]

    async def project() -> None:
        await services_over(long).projector.run(HOUSE_BEDS, items)

    await calm_during(project, beats=COUNT // PAGE)


async def test_the_state_in_a_snapshot_is_converted_beside_the_loop() -> None:
    threads = []

    def noting(convert: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def noted(value: Any) -> Any:
            threads.append(threading.get_ident())
            return convert(value)

        return noted

    aggregate = replace(HOUSE, snapshots=SnapshotFormat(1, noting(to_data), noting(from_data)))
    loader = Desk(HostileStore()).handler.loader
    await filled_with_beds(loader.store, 100)
    for _ in range(2):
        loaded = await loader.load(Asked(aggregate, HOUSE_STREAM, ["k"]))
        await loader.keep(aggregate, HOUSE_STREAM, loaded.state)
    assert 3 == len(threads)
    assert threading.get_ident() not in threads


async def test_work_that_takes_long_is_done_in_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(time, "perf_counter", lambda: now)
    heart = 0

    async def beat() -> None:
        nonlocal heart
        while True:
            heart += 1
            await asyncio.sleep(0)

    beating = asyncio.create_task(beat())
    seen = []
    async for item in in_turns(range(12)):
        now += 0.004
        seen.append((item, heart))
    beating.cancel()
    await asyncio.gather(beating, return_exceptions=True)
    assert [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3] == [beats for _, beats in seen]
