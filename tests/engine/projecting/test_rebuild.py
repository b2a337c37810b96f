"""A rebuild: what it leaves to the hosts and what it finds itself, interruptions, two at once, and bad input."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

import pytest

from engine.assembly import Surroundings
from engine.consuming.errors import TransientFailure
from engine.consuming.feed.memory import MemoryEventFeed
from engine.consuming.feed.port import WHOLE, FeedPage, FeedRange
from engine.consuming.feed_runner import TRIES_BEFORE_PARKING, FeedConsumer
from engine.consuming.parked_streams.automatic import AutomaticReleases
from engine.consuming.parked_streams.memory import MemoryParkedStreams
from engine.consuming.parked_streams.port import ParkedStream
from engine.consuming.parking import HOLE_LASTS, Defect
from engine.errors import Unavailable
from engine.messaging.memory import MemoryBus
from engine.projecting.counting.memory import MemoryRollupStore
from engine.projecting.generations.known import KEPT_FOR, projection_of
from engine.projecting.generations.memory import MemoryGenerationStore
from engine.projecting.generations.port import GenerationRefused, Generations, MissingGeneration
from engine.projecting.generations.ranges import BATCH, PAGE
from engine.projecting.generations.rebuild import SETTLED, Progress, Rebuild
from engine.projecting.generations.switching import CONTINUED, Switching
from engine.projecting.memory import MemoryViewStore
from engine.projecting.port import ViewKey
from engine.projecting.query import ReadModel
from engine.services import Services
from engine.storing.budget import Budget
from engine.storing.errors import FeedReset
from engine.storing.memory import MemoryEventStore
from engine.storing.port import Head
from engine.testing.times import NOON
from tests.engine.projecting.changing import HOUSE, LOUD, NAME, READ_MODEL
from tests.engine.projecting.feeding import stored_event
from tests.engine.toy.guest import GuestArrived, GuestInvited
from tests.engine.toy.read_models.house_guests import HOUSE_GUESTS
from tests.engine.toy.registry import CODEC
from tests.engine.world import services_over

ONLY_FIRST: Final = ReadModel((HOUSE_GUESTS,))


@dataclass
class Desk:
    """One that hosts and the operator share; `paused` is what happens while somebody waits, in seconds."""

    store: MemoryEventStore = field(default_factory=MemoryEventStore)
    views: MemoryViewStore = field(default_factory=MemoryViewStore)
    generations: MemoryGenerationStore = field(default_factory=MemoryGenerationStore)
    rollups: MemoryRollupStore = field(default_factory=MemoryRollupStore)
    parked: MemoryParkedStreams = field(default_factory=MemoryParkedStreams)
    bus: MemoryBus = field(default_factory=MemoryBus)
    now: datetime = NOON
    paused: Callable[[float], Awaitable[None]] | None = None
    reports: list[Progress] = field(default_factory=list)
    projected: int = 0
    _heads: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.feed = MemoryEventFeed(self.store)
        self.feed.split_at = ["8"]
        self.host = self.process()

    def process(self) -> Services:
        surroundings = Surroundings(lambda: self.now, sleep=self.sleep, monotonic=lambda: self.now.timestamp())
        return services_over(
            self.store,
            views=self.views,
            rollups=self.rollups,
            generations=self.generations,
            parked_streams=self.parked,
            bus=self.bus,
            surroundings=surroundings,
        )

    async def sleep(self, seconds: float) -> None:
        if self.paused is not None:
            await self.paused(seconds)
        self.now += timedelta(seconds=seconds)

    async def happens(self, guest: str) -> None:
        stream, version = f"guest-{guest}", self._heads.get(guest, 0) + 1
        event = GuestInvited(guest, HOUSE, ()) if version == 1 else GuestArrived(guest, HOUSE)
        before = Head(version - 1, f"{stream}/{version - 1}" if version > 1 else "")
        await self.store.append(stream, before, [stored_event(CODEC, stream, version, event)])
        self._heads[guest] = version

    async def project(self, read_model: ReadModel = READ_MODEL, host: Services | None = None) -> None:
        """A host handles what the feed has for it."""
        commits = self.store.commits(self.projected)
        await (host or self.host).feeding.run(read_model, commits.items)
        self.projected = commits.position

    async def rebuild(
        self,
        generation: int = 2,
        consumer: FeedConsumer | None = None,
        *,
        read_model: ReadModel = READ_MODEL,
        feed: MemoryEventFeed | None = None,
        room: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        async def at_once() -> None:
            return

        walker = Rebuild(
            feed=feed or self.feed,
            store=self.generations,
            runner=self.process().feeding.runner,
            sleep=self.sleep,
            new_id=lambda: f"build-{self.now}-{len(self.reports)}",
            room=room or at_once,
            report=self.reports.append,
        )
        projection = projection_of(read_model, generation)
        await walker.run(read_model, consumer or self.process().feeding.walker(projection), generation)

    @property
    def switching(self) -> Switching:
        return Switching(self.generations, self.views, self.rollups, self.parked, lambda: self.now, self.sleep)

    async def flip(
        self, to: int | None = None, *, with_parked: bool = False, read_model: ReadModel = READ_MODEL
    ) -> Generations:
        return await self.switching.flip(read_model, to, with_parked=with_parked)

    async def drop(self, generation: int, *, read_model: ReadModel = READ_MODEL) -> int:
        return await self.switching.drop(read_model, generation, lambda _: None)

    async def stored(self, name: str = NAME) -> Generations:
        found = await self.generations.get(name)
        assert found is not None
        return found.generations

    def shown(self, generation: int) -> Mapping[str, tuple[str, int]]:
        """The guest as it is written, and the position, by stream."""
        found = [json.loads(text) for text, _ in self.views._documents.values()]
        return {
            each["id"].partition("~")[2]: (each["view"]["guestId"], each["position"])
            for each in found
            if each["id"].startswith(f"{generation}~")
        }


@pytest.fixture
async def desk() -> Desk:
    """Ada and Bob were invited, Ada has arrived, and the hosts have handled that."""
    desk = Desk()
    for guest in ("ada", "bob", "ada"):
        await desk.happens(guest)
    await desk.project()
    return desk


PARKED: Final = ParkedStream("guest-bob", 1, 1, 1, "GuestInvited", "failed", "k", "no", "trace", 5, NOON)
ALL: Final = {"guest-ada": ("ADA", 2), "guest-bob": ("BOB", 1)}


class TestBuilding:
    async def test_the_new_one_is_beside_the_old_one_which_serves_until_the_flip(self, desk: Desk) -> None:
        before = desk.shown(1)
        await desk.rebuild()
        assert (ALL, before) == (desk.shown(2), desk.shown(1))
        assert Generations(1, (1, 2)) == await desk.stored()
        assert Generations(2, (1, 2), flipped_at=desk.now) == await desk.flip()
        assert 2 == (await desk.process().generations.of(READ_MODEL)).serving

    async def test_what_a_host_handles_before_it_knows_is_found_by_the_rebuild(self, desk: Desk) -> None:
        paused: list[float] = []

        async def handle(seconds: float) -> None:
            paused.append(seconds)
            await desk.happens("eve")
            # It has asked a moment ago, when nobody wrote the new one.
            await desk.project()
            assert ("EVE", 1) != desk.shown(2).get("guest-eve")

        await desk.host.generations.of(READ_MODEL)
        desk.paused = handle
        await desk.rebuild()
        assert ([SETTLED], ("EVE", 1)) == (paused, desk.shown(2)["guest-eve"])

    async def test_what_happens_after_it_is_written_by_every_host(self, desk: Desk) -> None:
        await desk.host.generations.of(READ_MODEL)
        await desk.rebuild()
        await desk.happens("eve")
        await desk.project()
        assert ("EVE", 1) == desk.shown(2)["guest-eve"]

    def test_it_waits_for_much_longer_than_any_host_remembers(self) -> None:
        assert SETTLED >= 10 * KEPT_FOR

    async def test_a_view_that_the_hosts_have_begun_is_gone_on_with(self, desk: Desk) -> None:
        async def handle(_: float) -> None:
            desk.now += timedelta(seconds=KEPT_FOR)
            for guest in ("bob", "eve"):
                await desk.happens(guest)
            await desk.project()
            assert (("BOB", 2), ("EVE", 1)) == (desk.shown(2)["guest-bob"], desk.shown(2)["guest-eve"])

        desk.paused = handle
        await desk.rebuild()
        assert {**ALL, "guest-bob": ("BOB", 2), "guest-eve": ("EVE", 1)} == desk.shown(2)

    async def test_nothing_leaves_the_service_and_no_event_is_made(self, desk: Desk) -> None:
        """What the relay would send of these events is known: a rebuild sends nothing of it again."""
        await desk.host.relay.run([{**each, "_ts": int(desk.now.timestamp())} for each in desk.store.commits().items])
        sent, count = _sent(desk), desk.store.commits().position
        assert sent["events"]
        await desk.rebuild()
        await desk.flip()
        assert (sent, count) == (_sent(desk), desk.store.commits().position)

    async def test_its_progress_is_told(self, desk: Desk) -> None:
        await desk.rebuild()
        phases = list(dict.fromkeys(each.phase for each in desk.reports))
        assert ["walking", "waiting until every host writes it"] == phases[:2]
        last = desk.reports[-1]
        assert (3, last.total) == (last.events, last.done)

    async def test_what_is_being_built_is_kept_right_too(self, desk: Desk) -> None:
        """Whoever makes views afresh asks for this, also before any host writes the new ones."""
        seen = set[tuple[tuple[int, ...], tuple[int, ...]]]()

        async def room() -> None:
            kept = await desk.process().generations.kept(READ_MODEL)
            seen.add((tuple(each.generation for each in kept), (await desk.stored()).written))

        await desk.rebuild(room=room)
        assert {((1, 2), (1,))} == seen

    async def test_with_nothing_to_walk_it_is_whole(self) -> None:
        desk = Desk()
        await desk.rebuild()
        assert Generations(1, (1, 2)) == await desk.stored()


def _sent(desk: Desk) -> Mapping[str, int]:
    return {entity: len(messages) for entity, messages in desk.bus.sent.items()}


class TestInterrupted:
    @pytest.mark.parametrize("at", range(1, 16))
    async def test_it_goes_on_where_it_was(self, desk: Desk, at: int) -> None:
        for number in range(12):
            await desk.happens(f"guest-{number}")
        await desk.project()
        handled: list[str] = []

        class Interrupted(Exception):
            pass

        async def apply(stream_id: str, items: Sequence[Mapping[str, Any]]) -> None:
            handled.append(stream_id)
            if len(handled) == at:
                raise Interrupted
            await desk.host.feeding.walker(LOUD).apply(stream_id, items)

        feed = _Slow(desk.store)
        try:
            await desk.rebuild(consumer=FeedConsumer(LOUD.consumer, LOUD.follows, apply), feed=feed)
        except Interrupted:
            before = len(handled)
            walked = sum(each.documents for each in _build(await desk.stored()).ranges)
            await desk.rebuild(consumer=FeedConsumer(LOUD.consumer, LOUD.follows, apply), feed=feed)
            assert len(handled) - before <= 15 - walked + 4
        assert {f"guest-guest-{number}" for number in range(12)} | ALL.keys() == desk.shown(2).keys()
        assert (1, 2) == (await desk.stored()).whole

    async def test_two_at_once_make_one(self, desk: Desk) -> None:
        for number in range(12):
            await desk.happens(f"guest-{number}")
        await asyncio.gather(*(desk.rebuild(feed=_Slow(desk.store)) for _ in range(3)))
        assert (14, (1, 2)) == (len(desk.shown(2)), (await desk.stored()).whole)

    async def test_one_that_was_overtaken_by_a_drop_stops(self, desk: Desk) -> None:
        async def dropped(_: float) -> None:
            desk.paused = None
            await desk.drop(2)

        desk.paused = dropped
        with pytest.raises(GenerationRefused, match="was dropped meanwhile"):
            await desk.rebuild()
        assert (Generations(1, (1,)), {}) == (await desk.stored(), desk.shown(2))
        await desk.rebuild()
        assert ALL == desk.shown(2)

    async def test_one_that_was_overtaken_by_another_build_stops(self, desk: Desk) -> None:
        async def anew(_: float) -> None:
            desk.paused = None
            await desk.drop(2)
            other = Rebuild(
                desk.feed, desk.generations, desk.process().feeding.runner, desk.sleep,
                lambda: "another", _at_once, desk.reports.append,
            )  # fmt: skip

            async def interrupted(_: float) -> None:
                raise KeyError

            desk.paused = interrupted
            with pytest.raises(KeyError):
                await other.run(READ_MODEL, desk.process().feeding.walker(LOUD), 2)
            desk.paused = None

        desk.paused = anew
        with pytest.raises(GenerationRefused, match="being built anew"):
            await desk.rebuild()

    async def test_what_is_away_for_a_moment_is_waited_for(self, desk: Desk) -> None:
        class Away(MemoryEventFeed):
            times = 3

            async def read(self, where: FeedRange, after: str | None, limit: int) -> FeedPage:
                self.times -= 1
                if self.times >= 0:
                    raise Unavailable("away", retry_after=2.0)
                return await super().read(where, after, limit)

        await desk.rebuild(feed=Away(desk.store))
        assert ALL == desk.shown(2)


async def _at_once() -> None:
    return


class _Slow(MemoryEventFeed):
    """Has pages of two items, and lets others go first."""

    async def read(self, where: FeedRange, after: str | None, limit: int) -> FeedPage:
        await asyncio.sleep(0)
        return await super().read(where, after, min(limit, 2))


def _build(now: Generations) -> Any:
    assert now.build is not None
    return now.build


class TestBadInput:
    async def test_a_view_that_was_spoilt_or_deleted_is_right_in_the_next_generation(self, desk: Desk) -> None:
        key = ViewKey("1~guest-ada", HOUSE)
        found = await desk.views.get(NAME, key)
        assert found is not None
        spoilt = {**found.document, "position": 99, "view": {"guestId": "nobody"}}
        await desk.views.put(NAME, key, spoilt, found.etag)
        await desk.views.delete(NAME, ViewKey("1~guest-bob", HOUSE))
        await desk.rebuild()
        assert ALL == desk.shown(2)

    async def test_an_event_that_cannot_be_applied_parks_its_stream_for_the_new_one_alone(self, desk: Desk) -> None:
        desk.store.rewrite("guest-bob", 1, {"guestId": 7})
        await desk.rebuild()
        assert {"guest-ada": ALL["guest-ada"]} == desk.shown(2)
        assert [{"guest-bob"}, set()] == [set((await desk.parked.index(f"{NAME}@{g}")).stream_ids) for g in (2, 1)]
        with pytest.raises(GenerationRefused, match=r"has parked guest-bob.*--with-parked"):
            await desk.flip(2)

    async def test_an_event_that_is_missing_is_waited_for_and_parks_its_stream_as_one_with_a_gap(
        self, desk: Desk
    ) -> None:
        desk.store.place("guest-bob", 3, {})
        began = desk.now
        await desk.rebuild()
        assert desk.now - began >= HOLE_LASTS + timedelta(seconds=SETTLED)
        (parked,) = await desk.parked.all(f"{NAME}@2")
        assert ("guest-bob", "gap") == (parked.stream_id, parked.why)
        assert ALL["guest-ada"] == desk.shown(2)["guest-ada"]

    async def test_a_defect_that_fails_every_event_stops_it_where_it_is(self, desk: Desk) -> None:
        for number in range(20):
            await desk.happens(f"guest-{number}")

        def broken(*_: object) -> Any:
            raise ValueError("a defect")

        walker, began = desk.process().feeding.walker(replace(LOUD, project=broken)), desk.now
        with pytest.raises(Defect, match="house-guests@2 fails alike on many streams"):
            await desk.rebuild(consumer=walker)
        tries = TRIES_BEFORE_PARKING * len(desk._heads)
        assert desk.now - began < timedelta(seconds=2 * tries)
        assert (1,) == (await desk.stored()).whole
        process = desk.process()
        await AutomaticReleases(process.automatic.release, [process.feeding.consumer(LOUD)]).run()
        await desk.rebuild()
        assert 22 == len(desk.shown(2))

    async def test_a_store_that_was_restored_below_the_checkpoint_is_noticed(self, desk: Desk) -> None:
        async def restored(_: float) -> None:
            raise KeyError

        desk.paused = restored
        with pytest.raises(KeyError):
            await desk.rebuild()
        desk.paused = None
        desk.store._commits = desk.store._commits[:1]
        with pytest.raises(FeedReset):
            await desk.rebuild()
        desk.store._streams = {"guest-ada": desk.store._streams["guest-ada"][:1]}
        await desk.drop(2)
        await desk.rebuild()
        assert {"guest-ada": ("ADA", 1)} == desk.shown(2)

    async def test_a_million_events_pass_through_little_memory(self, desk: Desk) -> None:
        count, largest, seen = 1_000_000, 0, 0

        class Long(MemoryEventFeed):
            async def ranges(self) -> Sequence[FeedRange]:
                return [WHOLE]

            async def head(self, where: FeedRange) -> str:
                return str(count)

            async def read(self, where: FeedRange, after: str | None, limit: int) -> FeedPage:
                at = self.transactions(after)
                return FeedPage([{"streamId": "guest-1", "version": at}] * limit, str(at + limit), count)

        async def apply(_: str, items: Sequence[Mapping[str, Any]]) -> None:
            nonlocal largest, seen
            largest, seen = max(largest, len(items)), seen + len(items)

        await desk.rebuild(consumer=FeedConsumer("v@2", lambda _: True, apply), feed=Long(desk.store))
        assert (count, True) == (seen, largest <= BATCH + PAGE)

    async def test_what_cannot_be_built_is_refused(self, desk: Desk) -> None:
        with pytest.raises(GenerationRefused, match="is whole: there is nothing to build"):
            await desk.rebuild(1)
        await desk.rebuild(2)
        with pytest.raises(GenerationRefused, match="is whole"):
            await desk.rebuild(2)


class TestBuilds:
    """Builds that have other generations than those that are written."""

    async def test_the_lowest_of_the_build_that_came_first_serves(self, desk: Desk) -> None:
        assert Generations(1, (1,)) == await desk.stored()
        fresh = Desk()
        await fresh.project(ReadModel((LOUD,)))
        assert Generations(2, (2,)) == await fresh.stored()

    async def test_a_host_that_lacks_one_waits_and_says_what_to_deploy(self, desk: Desk) -> None:
        await desk.rebuild()
        await desk.happens("eve")
        old = desk.process()
        with pytest.raises(TransientFailure, match=r"projections/house_guests.py has it") as raised:
            await desk.project(ONLY_FIRST, old)
        assert "generation 2" in str(raised.value)
        await desk.project()
        assert ("eve", 1) == desk.shown(1)["guest-eve"]

    async def test_a_build_with_the_new_one_alone_does_not_begin_it_empty(self, desk: Desk) -> None:
        with pytest.raises(TransientFailure, match="generation 1"):
            await desk.process().feeding.run(ReadModel((LOUD,)), desk.store.commits().items)
        with pytest.raises(MissingGeneration):
            await desk.process().generations.written(ReadModel((LOUD,)))
        assert {} == desk.shown(2)

    async def test_one_generation_that_fails_keeps_the_other_from_nothing(self, desk: Desk) -> None:
        def broken(*_: object) -> Any:
            raise ValueError("a defect")

        await desk.rebuild()
        for guest, spoilt in (
            ("eve", (replace(HOUSE_GUESTS, project=broken), LOUD)),
            ("fay", (HOUSE_GUESTS, replace(LOUD, project=broken))),
        ):
            await desk.happens(guest)
            await desk.process().feeding.run(ReadModel(spoilt), desk.store.commits(desk.projected).items)
            desk.projected += 1
        parked = [set((await desk.parked.index(f"{NAME}@{generation}")).stream_ids) for generation in (1, 2)]
        assert [{"guest-eve"}, {"guest-fay"}] == parked
        assert (("EVE", 1), ("fay", 1)) == (desk.shown(2)["guest-eve"], desk.shown(1)["guest-fay"])


class TestFlip:
    async def test_one_that_is_not_whole_is_refused(self, desk: Desk) -> None:
        for to, complaint in ((2, "has no generation 2, but 1"), (None, "no generation but 1")):
            with pytest.raises(GenerationRefused, match=complaint):
                await desk.flip(to)

    async def test_forth_and_back(self, desk: Desk) -> None:
        await desk.rebuild()
        assert 2 == (await desk.flip()).serving
        await desk.happens("eve")
        desk.now += timedelta(seconds=KEPT_FOR)
        await desk.project()
        assert 1 == (await desk.flip()).serving
        assert (("eve", 1), ("EVE", 1)) == (desk.shown(1)["guest-eve"], desk.shown(2)["guest-eve"])

    async def test_again_it_changes_nothing(self, desk: Desk) -> None:
        await desk.rebuild()
        first = await desk.flip(2)
        desk.now += timedelta(minutes=1)
        assert first == await desk.flip(2)

    async def test_parked_streams_of_the_new_one_are_named(self, desk: Desk) -> None:
        await desk.rebuild()
        await desk.parked.park(f"{NAME}@2", PARKED)
        with pytest.raises(GenerationRefused, match=r"guest-bob.*--with-parked"):
            await desk.flip(2)
        assert 1 == (await desk.stored()).serving
        assert 2 == (await desk.flip(2, with_parked=True)).serving


class TestDrop:
    async def test_the_one_that_serves_stays(self, desk: Desk) -> None:
        await desk.rebuild()
        await desk.flip()
        desk.now += CONTINUED
        with pytest.raises(GenerationRefused, match="serves"):
            await desk.drop(2)

    async def test_not_for_an_hour_after_the_flip(self, desk: Desk) -> None:
        await desk.rebuild()
        await desk.flip()
        desk.now += CONTINUED - timedelta(seconds=1)
        with pytest.raises(GenerationRefused, match=r"drop from 2026-\d\d-\d\d \d\d:\d\d:\d\d UTC on"):
            await desk.drop(1)
        desk.now += timedelta(seconds=1)
        assert 2 == await desk.drop(1)
        assert (Generations(2, (2,)), {}, ALL) == (
            replace(await desk.stored(), flipped_at=None), desk.shown(1), desk.shown(2)
        )  # fmt: skip

    async def test_one_that_never_served_is_dropped_at_once(self, desk: Desk) -> None:
        await desk.rebuild()
        assert (2, {}) == (await desk.drop(2), desk.shown(2))

    async def test_what_it_has_parked_is_free_for_the_next_one_that_is_built_there(self, desk: Desk) -> None:
        await desk.rebuild()
        await desk.parked.park(f"{NAME}@2", PARKED)
        await desk.drop(2)
        assert frozenset() == (await desk.parked.index(f"{NAME}@2")).stream_ids
        await desk.rebuild()
        assert ALL == desk.shown(2)

    async def test_what_hosts_write_until_they_know_is_deleted_too(self, desk: Desk) -> None:
        await desk.rebuild()

        async def handle(_: float) -> None:
            await desk.happens("eve")
            await desk.project()
            assert "guest-eve" in desk.shown(2)

        desk.now += timedelta(seconds=KEPT_FOR)
        await desk.host.generations.of(READ_MODEL)
        desk.paused = handle
        assert (3, {}) == (await desk.drop(2), desk.shown(2))
        desk.paused = None
        await desk.happens("eve")
        await desk.project()
        assert {} == desk.shown(2)

    async def test_it_may_be_interrupted_and_until_it_is_done_nothing_is_built_there(self, desk: Desk) -> None:
        await desk.rebuild()

        async def interrupted(_: float) -> None:
            raise KeyError

        desk.paused = interrupted
        with pytest.raises(KeyError):
            await desk.drop(2)
        desk.paused = None
        with pytest.raises(GenerationRefused, match="being dropped"):
            await desk.rebuild()
        with pytest.raises(GenerationRefused, match="no generation 2"):
            await desk.flip(2)
        assert 2 == await desk.drop(2)
        await desk.rebuild()
        assert ALL == desk.shown(2)


class TestBudget:
    async def test_no_more_is_asked_than_it_has(self) -> None:
        now, slept = 0.0, list[float]()

        async def sleep(seconds: float) -> None:
            nonlocal now
            slept.append(seconds)
            now += seconds

        budget = Budget(100, lambda: now, sleep)
        for _ in range(50):
            await budget.room()
            budget.charge(10)
        await budget.room()
        assert 5.0 == pytest.approx(now)
        now += 1000
        budget.charge(10)
        await budget.room()
        assert 0.1 == pytest.approx(slept[-1])

    async def test_it_is_asked_before_each_page_and_each_stream(self, desk: Desk) -> None:
        asked = 0

        async def room() -> None:
            nonlocal asked
            asked += 1

        await desk.rebuild(room=room)
        assert asked == len(await desk.feed.ranges()) + len(ALL)
