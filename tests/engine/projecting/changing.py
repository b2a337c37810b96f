"""A read model whose generations change while hosts write, readers ask and a clock goes on, in any order.

Every request to a store takes a turn before and another one after it; the test says who goes on next, and may end a
process at any of them.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final

from engine.assembly import Surroundings
from engine.consuming.feed.memory import MemoryEventFeed
from engine.consuming.feed.port import FeedPage, FeedRange
from engine.consuming.parked_streams.memory import MemoryParkedStreams
from engine.projecting.counting.memory import MemoryRollupStore
from engine.projecting.generations.items import from_item
from engine.projecting.generations.known import projection_of
from engine.projecting.generations.memory import MemoryGenerationStore
from engine.projecting.generations.port import Generations, StoredGenerations
from engine.projecting.generations.rebuild import Progress, Rebuild
from engine.projecting.generations.switching import Switching
from engine.projecting.memory import MemoryViewStore
from engine.projecting.port import StoredDocument, ViewKey
from engine.projecting.projection import Projection
from engine.projecting.query import ReadModel
from engine.services import Services
from engine.storing.events import RecordedEvent
from engine.storing.memory import MemoryEventStore
from engine.storing.port import Head
from engine.testing.times import NOON
from tests.engine.projecting.feeding import stored_event
from tests.engine.toy.guest import GuestArrived, GuestEvent, GuestInvited
from tests.engine.toy.read_models.house_guests import BY_HOUSE, HOUSE_GUESTS, HouseGuest, project
from tests.engine.toy.registry import CODEC
from tests.engine.world import services_over

HOUSE: Final = "hill"


def _project_loudly(view: HouseGuest | None, recorded: RecordedEvent[GuestEvent]) -> HouseGuest:
    after = project(view, recorded)
    return replace(after, guest_id=after.guest_id.upper())


LOUD: Final = replace(HOUSE_GUESTS, generation=2, project=_project_loudly)
READ_MODEL: Final = ReadModel((HOUSE_GUESTS, LOUD), (BY_HOUSE, replace(BY_HOUSE, projection=LOUD)))
NAME: Final = READ_MODEL.name


@dataclass
class Turns:
    """`now` is in seconds. Whoever waits goes on when its time has come and `chance` picks it."""

    chance: Random
    now: float = 0.0
    _waiting: list[tuple[float, asyncio.Future[None]]] = field(default_factory=list)

    async def take(self, seconds: float = 0.0) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((self.now + seconds, future))
        await future

    def clock(self) -> datetime:
        return NOON + timedelta(seconds=self.now)

    def monotonic(self) -> float:
        return self.now

    async def settle(self) -> None:
        """Lets everybody come to their next turn."""
        for _ in range(12):
            await asyncio.sleep(0)

    async def next(self) -> bool:
        """Lets one go on; the time goes on where all wait for it. Gives False where nobody waits."""
        await self.settle()
        self._waiting = [each for each in self._waiting if not each[1].done()]
        if not self._waiting:
            return False
        due = [each for each in self._waiting if each[0] <= self.now]
        if not due:
            due = [min(self._waiting, key=lambda each: each[0])]
            self.now = due[0][0]
        chosen = self.chance.choice(due)
        self._waiting.remove(chosen)
        chosen[1].set_result(None)
        self.now += self.chance.choice((0.0, 0.0, 0.05, 0.5))
        return True


@dataclass
class _Views(MemoryViewStore):
    turns: Turns

    def __post_init__(self) -> None:
        super().__init__()

    async def get(self, container: str, key: ViewKey) -> StoredDocument | None:
        await self.turns.take()
        found = await super().get(container, key)
        await self.turns.take()
        return found

    async def put(self, container: str, key: ViewKey, document: Mapping[str, Any], etag: str | None) -> str:
        await self.turns.take()
        try:
            return await super().put(container, key, document, etag)
        finally:
            await self.turns.take()

    async def delete(self, container: str, key: ViewKey) -> None:
        await self.turns.take()
        await super().delete(container, key)

    def documents(self, generation: int) -> dict[str, Mapping[str, Any]]:
        """By stream."""
        found = [json.loads(text) for text, _ in self._documents.values()]
        return {each["id"].partition("~")[2]: each for each in found if each["id"].startswith(f"{generation}~")}


@dataclass
class _GenerationStore(MemoryGenerationStore):
    turns: Turns

    def __post_init__(self) -> None:
        super().__init__()

    async def get(self, read_model: str) -> StoredGenerations | None:
        await self.turns.take()
        found = await super().get(read_model)
        await self.turns.take()
        return found

    async def put(self, read_model: str, generations: Generations, etag: str | None) -> None:
        await self.turns.take()
        try:
            await super().put(read_model, generations, etag)
        finally:
            await self.turns.take()


@dataclass
class _Feed(MemoryEventFeed):
    turns: Turns
    store: MemoryEventStore

    def __post_init__(self) -> None:
        super().__init__(self.store)
        self.split_at = ["8"]

    async def head(self, where: FeedRange) -> str:
        await self.turns.take()
        found = await super().head(where)
        await self.turns.take()
        return found

    async def read(self, where: FeedRange, after: str | None, limit: int) -> FeedPage:
        await self.turns.take()
        # Small pages: the walk is long.
        page = await super().read(where, after, min(limit, 3))
        await self.turns.take()
        return page


class Changing:
    """`acknowledged` is how much of the feed the hosts have handled: its events are in every whole generation."""

    def __init__(self, chance: Random) -> None:
        self.chance = chance
        self.turns = Turns(chance)
        self.store = MemoryEventStore()
        self.views = _Views(self.turns)
        self.generations = _GenerationStore(self.turns)
        self.feed = _Feed(self.turns, self.store)
        self.parked = MemoryParkedStreams()
        self.acknowledged = 0
        self.heads: dict[str, int] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self.refusals: list[str] = []

    def process(self) -> Services:
        """A new one, which remembers nothing."""
        return services_over(
            self.store,
            views=self.views,
            generations=self.generations,
            parked_streams=self.parked,
            surroundings=Surroundings(self.turns.clock, sleep=self.turns.take, monotonic=self.turns.monotonic),
        )

    async def happens(self) -> None:
        """A guest is invited, or arrives, or arrives again."""
        stream = f"guest-g{self.chance.randrange(60)}"
        version = self.heads.get(stream, 0) + 1
        guest = stream.removeprefix("guest-")
        event = GuestInvited(guest, HOUSE, ()) if version == 1 else GuestArrived(guest, HOUSE)
        head = Head(version - 1, f"{stream}/{version - 1}" if version > 1 else "")
        await self.store.append(stream, head, [stored_event(CODEC, stream, version, event)])
        self.heads[stream] = version

    async def host(self) -> None:
        """Handles the feed from its checkpoint, batch by batch."""
        services = self.process()
        while True:
            behind = self.acknowledged < self.store.commits().position
            await self.turns.take(0.2 if behind else self.chance.choice((0.5, 4.0, 15.0)))
            begin = self.acknowledged
            end = min(begin + self.chance.randint(1, 4), self.store.commits().position)
            if begin < end:
                await services.feeding.run(READ_MODEL, self.store.commits(begin, end).items)
                self.acknowledged = max(self.acknowledged, end)

    def rebuild(self, report: Callable[[Progress], None] = lambda _: None) -> Rebuild:
        async def room() -> None:
            return

        return Rebuild(
            feed=self.feed,
            store=self.generations,
            runner=self.process().feeding.runner,
            sleep=self.turns.take,
            new_id=lambda: f"build-{self.chance.random()}",
            room=room,
            report=report,
        )

    async def walk(self, generation: int = 2) -> None:
        projection = projection_of(READ_MODEL, generation)
        await self.rebuild().run(READ_MODEL, self.process().feeding.walker(projection), generation)

    @property
    def switching(self) -> Switching:
        return Switching(
            self.generations, self.views, MemoryRollupStore(), self.parked, self.turns.clock, self.turns.take
        )

    def begin(self, name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self.tasks[name] = asyncio.create_task(work())

    async def crash(self, name: str) -> None:
        """The process ends where it is; what it has sent may still happen or not."""
        task = self.tasks.pop(name)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def end(self) -> None:
        for name in list(self.tasks):
            await self.crash(name)

    async def until(self, done: Callable[[], bool], check: Callable[[], Awaitable[None]]) -> None:
        """Goes on turn by turn, and checks after each."""
        while not done():
            assert await self.turns.next(), "nobody goes on"
            await check()

    def stored(self) -> Generations:
        found = self.generations._items.get(NAME)
        return Generations(1, (1,)) if found is None else from_item(json.loads(found[0]))

    def missing(self, generation: int) -> Sequence[str]:
        """Acknowledged events that the views of the generation do not show."""
        documents = self.views.documents(generation)
        acknowledged = self.store.commits(0, self.acknowledged).items
        return [
            f"{each['streamId']}/{each['version']}"
            for each in acknowledged
            if documents.get(each["streamId"], {"position": 0})["position"] < each["version"]
        ]

    async def differing(self, projection: Projection[Any]) -> Sequence[str]:
        """Streams whose view is not what their events fold to, or that have a view of nothing."""
        documents, expected = self.views.documents(projection.generation), dict[str, Any]()
        for stream in self.heads:
            view: Any = None
            events = [CODEC.decode(each) for each in await self.store.read(stream)]
            for event in events:
                view = projection.project(view, event)
            expected[stream] = projection.to_document(projection.key(events[0]), len(events), view)
        return [each for each in {*documents, *expected} if documents.get(each) != expected.get(each)]
