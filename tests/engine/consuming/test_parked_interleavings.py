"""Two hosts park, release and receive a stream at once, in any order of their steps, and crash between any two.

The consumer fails at one event until that is mended. Whatever happens, every event is handled, none of them before
those that precede it, and in the end the stream is free.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from random import Random
from typing import Any, Final

import pytest

from engine.consuming.feed_runner import FeedConsumer, FeedRunner
from engine.consuming.parked_streams.memory import MemoryParkedStreams
from engine.consuming.parked_streams.port import Index
from engine.consuming.parked_streams.release import StreamRelease
from engine.consuming.parking import Parking
from engine.projecting.port import ViewKey
from engine.projecting.projector import Projector
from engine.storing.events import StoredEvent
from engine.testing.times import NOON
from tests.engine.consuming.steps import Steps
from tests.engine.projecting.feeding import Feeding
from tests.engine.toy.house import BedsAdded
from tests.engine.toy.read_models.house_beds import HOUSE_BEDS
from tests.engine.toy.registry import CODEC

STREAM: Final = "house-hill"
EVENTS: Final = 10
CRASHES: Final = 4


class Away(Exception):
    """Is a defect that is mended while the test runs."""


class Lagging(MemoryParkedStreams):
    """Shows an index as it was some time ago to those who may bear it."""

    def __init__(self, chance: Random) -> None:
        super().__init__()
        self._chance = chance
        self._past: list[Index] = []

    async def index_since(self, consumer: str, known: Index) -> Index:
        self._past.append(await super().index_since(consumer, known))
        return self._chance.choice(self._past[-3:])


class Scene:
    """Holds a feed of one stream, and what the consumer has handled. `broken` is the version at which it fails."""

    def __init__(self, chance: Random) -> None:
        self.chance = chance
        self.steps = Steps(chance)
        self.feeding = Feeding()
        self.parked = Lagging(chance)
        self.broken = chance.randint(1, EVENTS)
        self.given: list[int] = []
        self.now = 0.0
        self.checkpoint = 0
        self.lease = 0
        self.items: list[Mapping[str, Any]] = []
        self.appended = False
        self.consumer = FeedConsumer("toy", lambda _: True, self._apply, never_overtakes=True)

    async def _apply(self, _: str, items: Sequence[Mapping[str, Any]]) -> None:
        versions = sorted(item["version"] for item in items)
        if self.broken in versions:
            raise Away
        for version in versions:
            await self.steps.step()
            self.given.append(version)
            await self.steps.step()

    def runner(self) -> FeedRunner:
        """That of a new process."""
        parking = Parking(self.steps.shared(self.parked), lambda: NOON, lambda: self.now)
        return FeedRunner(parking, lambda: NOON, self.pause)

    def release(self) -> StreamRelease:
        store = self.steps.shared(self.feeding.store)
        return StreamRelease(self.steps.shared(self.parked), store, lambda: NOON, self.pause)

    async def pause(self, seconds: float) -> None:
        """Time goes on for all while anybody waits, and stands still otherwise: what is remembered stays so longest."""
        until = self.now + seconds
        while self.now < until:
            await self.steps.step()
            self.now += seconds / 2

    async def append(self) -> None:
        while len(self.items) < EVENTS:
            for _ in range(self.chance.randint(1, 12)):
                await self.steps.step()
            self.items += await self.feeding.happened(STREAM, BedsAdded("hill", 1))
        self.appended = True

    async def mend(self) -> None:
        for _ in range(self.chance.randint(0, 60)):
            await self.steps.step()
        self.broken = 0

    async def receive(self) -> None:
        """As a host does that has taken the lease; one that has lost it finishes its batch, and is not heard."""
        self.lease += 1
        lease, runner, at = self.lease, self.runner(), self.checkpoint
        while lease == self.lease and not self.over:
            await self.steps.step()
            end = min(len(self.items), at + self.chance.randint(0, 2))
            if batch := self.items[at:end]:
                await runner.run(self.consumer, self.chance.sample(batch, len(batch)))
                at = end
                if lease == self.lease:
                    self.checkpoint = end

    @property
    def over(self) -> bool:
        return self.appended and self.checkpoint == EVENTS

    async def operate(self) -> None:
        """As a timer or an operator does, again and again."""
        while not self.over:
            await self.steps.step()
            await self.release().stream(self.consumer, STREAM, lambda _: None)

    async def play(self, crash_at: frozenset[int]) -> None:
        receivers = [partial(self.receive), partial(self.receive)]
        operators = [partial(self.operate), partial(self.operate)]
        crash = crash_at.__contains__
        await self.steps.play(self.append, self.mend, *receivers, *operators, crash=crash)
        assert self.over
        await self.steps.play(self.release_at_last, crash=lambda _: False)

    async def release_at_last(self) -> None:
        await self.release().stream(self.consumer, STREAM, lambda _: None)


def firsts(versions: Sequence[int]) -> list[int]:
    return list(dict.fromkeys(versions))


def crashes(chance: Random) -> frozenset[int]:
    return frozenset(chance.randint(1, 200) for _ in range(CRASHES))


@pytest.mark.parametrize("seed", range(150))
async def test_nothing_is_lost_and_nothing_overtakes(seed: int) -> None:
    chance = Random(seed)
    scene = Scene(chance)
    await scene.play(crashes(chance))
    assert list(range(1, EVENTS + 1)) == firsts(scene.given)
    assert await scene.parked.get("toy", STREAM) is None
    assert frozenset() == (await scene.parked.index("toy")).stream_ids


async def test_a_crash_at_each_step_in_turn() -> None:
    step, taken = 0, 1
    while step < taken:
        step += 1
        scene = Scene(Random(11))
        scene.broken = 2
        await scene.play(frozenset({step}))
        taken = scene.steps.taken
        assert list(range(1, EVENTS + 1)) == firsts(scene.given), f"after a crash at step {step}"
        assert await scene.parked.get("toy", STREAM) is None, f"after a crash at step {step}"
    assert step > 50


class OfAView(Scene):
    """The consumer is a projector, which forgives an index of a moment ago. Its projection fails at one event."""

    def __init__(self, chance: Random) -> None:
        super().__init__(chance)
        self.views = self.feeding.views
        store, views = self.steps.shared(self.feeding.store), self.steps.shared(self.views)
        projector = Projector(store, _Failing(self), views, self.runner())  # type: ignore[arg-type]  # decodes, as one
        self.consumer = projector.consumer(HOUSE_BEDS)


class _Failing:
    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    def decode(self, stored: StoredEvent) -> Any:
        if stored.version == self._scene.broken:
            raise Away
        return CODEC.decode(stored)


@pytest.mark.parametrize("seed", range(60))
async def test_a_view_shows_every_event_once(seed: int) -> None:
    chance = Random(seed)
    scene = OfAView(chance)
    await scene.play(crashes(chance))
    key = HOUSE_BEDS.key_of_stream(STREAM)
    view = await scene.views.get("house-beds", ViewKey(key.id, key.partition))
    assert view is not None
    assert (EVENTS, EVENTS) == (view.position, view.document["view"]["beds"])
    assert await scene.parked.get("house-beds@1", STREAM) is None
