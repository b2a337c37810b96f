"""A generation is built, takes over and is dropped while hosts write and readers ask: nobody sees half of one."""

import asyncio
from random import Random

import pytest

from engine.projecting.generations.port import GenerationRefused
from tests.engine.projecting.changing import HOUSE, LOUD, READ_MODEL, Changing
from tests.engine.toy.read_models.house_guests import HOUSE_GUESTS

pytestmark = pytest.mark.timeout(120)


class Story:
    """Everybody does what they do, and what must never be is looked for after each turn."""

    def __init__(self, changing: Changing, *, crashes: bool) -> None:
        self.changing = changing
        self.chance = changing.chance
        self.crashes = crashes
        self.workers = {"host 1": changing.host, "host 2": changing.host, "walker 1": self.walk, "walker 2": self.walk}
        self.flips = self.dropped = 0
        self.checked: object = None
        self.happening = True

    async def walk(self) -> None:
        try:
            await self.changing.walk()
        except GenerationRefused as refused:
            # The operator runs it again another time.
            self.changing.refusals.append(str(refused))
        await asyncio.Event().wait()

    async def read(self) -> None:
        """Turns pages, some of which begin long before they end."""
        services = self.changing.process()
        while True:
            await self.changing.turns.take(5.0)
            known = await services.generations.of(READ_MODEL)
            generation = known.serving
            expected = self._acknowledged()
            await self.changing.turns.take(self.chance.choice((0.0, 3.0, 900.0)))
            later = await services.generations.of(READ_MODEL)
            if generation not in later.whole:
                assert self.dropped, "the pages of a generation are gone that nobody has dropped"
                continue
            projection = {1: HOUSE_GUESTS, 2: LOUD}[generation]
            page = await services.queries.page(projection, HOUSE, f"{generation}~", f"{generation}\x7f", 100)
            shown = {view.guest_id.lower() for view in page.views}
            assert expected <= shown, (generation, expected - shown)
            assert all(view.guest_id.isupper() == (generation == 2) for view in page.views)

    def _acknowledged(self) -> set[str]:
        items = self.changing.store.commits(0, self.changing.acknowledged).items
        return {each["streamId"].removeprefix("guest-") for each in items}

    async def operate(self) -> None:
        """Flips, flips back and drops what can be dropped."""
        operator = self.changing.switching
        while True:
            await self.changing.turns.take(20.0)
            other = 3 - self.changing.stored().serving
            before = self.changing.stored().serving
            try:
                await operator.flip(READ_MODEL, other, with_parked=False)
                self.flips += before != self.changing.stored().serving
                await self.changing.turns.take(self.chance.choice((1.0, 30.0, 4000.0)))
                if self.changing.stored().serving == 2 and self.flips > 2 and self.chance.random() < 0.5:
                    await operator.drop(READ_MODEL, 1, lambda _: None)
                    self.dropped += 1
                    return
            except GenerationRefused as refused:
                self.changing.refusals.append(str(refused))

    async def check(self) -> None:
        changing = self.changing
        for name, task in changing.tasks.items():
            if task.done():
                task.result()
                raise AssertionError(f"{name} ended")
        stored = changing.stored()
        if self.checked != (checked := (changing.acknowledged, stored)):
            self.checked = checked
            for generation in stored.whole:
                assert [] == changing.missing(generation), generation
        busy = 0.3 if 2 in stored.written and 2 not in stored.whole else 0.03
        if changing.store.commits().position < 200 and self.happening and self.chance.random() < busy:
            await changing.happens()
        if self.crashes and self.chance.random() < 0.01:
            name = self.chance.choice(list(self.workers))
            await changing.crash(name)
            changing.begin(name, self.workers[name])

    async def tell(self) -> None:
        for name, work in {**self.workers, "reader": self.read, "operator": self.operate}.items():
            self.changing.begin(name, work)
        await self.changing.until(lambda: self.flips >= 3, self.check)
        self.happening = self.crashes = False
        count = self.changing.store.commits().position
        await self.changing.until(lambda: self.changing.acknowledged >= count, self.check)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("crashes", [False, True], ids=["", "crashes"])
async def test_at_every_moment_each_whole_generation_has_every_event_that_the_hosts_have_handled(
    seed: int, crashes: bool
) -> None:
    changing = Changing(Random(seed))
    for _ in range(30):
        await changing.happens()
    story = Story(changing, crashes=crashes)
    try:
        await story.tell()
        for projection in (HOUSE_GUESTS, LOUD):
            if projection.generation in changing.stored().whole:
                assert [] == await changing.differing(projection)
        assert 2 in changing.stored().whole
    finally:
        await changing.end()
