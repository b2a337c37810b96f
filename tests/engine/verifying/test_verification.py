"""What a verification finds, and what it does not find, over the stores in memory."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.consuming.feed.port import WHOLE, FeedPage, FeedRange, Lease
from engine.consuming.parked.port import Failure
from engine.consuming.parked_streams.port import ParkedStream
from engine.messaging.port import Received
from engine.projecting.counting.rollup import Contribution
from engine.projecting.port import ViewKey
from engine.projecting.query import ReadModel
from engine.reacting.followers import followers
from engine.testing.times import NOON
from engine.verifying.findings import Finding
from engine.verifying.spill import Spill
from engine.verifying.verification import Verification
from tests.engine.contexts import context
from tests.engine.toy.guest import DismissGuest, InviteGuest
from tests.engine.toy.house import AddBeds
from tests.engine.toy.read_models.house_guests import HOUSE_GUESTS
from tests.engine.toy.read_models.house_visits import HOUSE_VISITS
from tests.engine.toy.registry import CODEC, DOMAIN, GREETING, GUEST, HOUSE, PROJECTIONS, READ_MODELS
from tests.engine.world import World

STREAM = "guest-g-1"
LONG_AFTER = timedelta(hours=1)

GUESTS_AGAIN = replace(HOUSE_GUESTS, generation=2)
OF_BOTH = {**followers(READ_MODELS), "house-guests": ["house-guests@1", "house-guests@2"]}

EACH_EVENT = replace(HOUSE_VISITS, contributions=lambda *_: (Contribution("hill", "events", 1),), with_first=())
EACH_EVENT_AGAIN = replace(EACH_EVENT, generation=2)
OF_EVENTS = ReadModel((EACH_EVENT, EACH_EVENT_AGAIN))


async def at_once() -> None:
    return None


@dataclass
class Desk:
    world: World
    file: Path

    def verification(self, **changes: Any) -> Verification:
        services = self.world.services
        verification = Verification(
            feed=self.world.change_feed,
            store=self.world.store,
            codec=CODEC,
            views=self.world.views,
            rollups=self.world.rollups,
            parked=self.world.parked,
            parked_streams=self.world.parked_streams,
            projections=DOMAIN.projections,
            building=(),
            processes=[replace(GREETING, ended=lambda reacted: reacted)],
            followers=followers(READ_MODELS),
            receivers=services.consumers.keys(),
            unended_after=timedelta(days=1),
            clock=self.world.clock,
            room=at_once,
        )
        return replace(verification, **changes)

    async def found(self, **changes: Any) -> list[tuple[str, str | None, str | None]]:
        findings: list[Finding] = []
        spill = Spill(self.file)
        try:
            await self.verification(**changes).run(spill, findings.append, lambda *_: None)
        finally:
            spill.close()
        self.file.unlink()
        return [(each.kind, each.stream, each.consumer) for each in findings]

    async def feed(self) -> None:
        """Brings the views up to date, and the leases with them."""
        items = self.world.store.commits().items
        for each in READ_MODELS:
            await self.world.services.feeding.run(each, items)
        self.leases()

    def leases(self, continuation: str | None = None, *, without: str = "") -> None:
        newest = f'"{len(self.world.store.transactions())}"'
        self.world.change_feed.documents = [
            {
                "id": f"{name}-{self.world.change_feed.of}0",
                "Owner": "host",
                "ContinuationToken": continuation or newest,
                "timestamp": self.world.now.isoformat(),
            }
            for name in followers(READ_MODELS)
            if name != without
        ]

    def place(self, stream_id: str, version: int, change: Mapping[str, Any], *, like: str | None = None) -> None:
        """Writes past the service; everybody has gone past it."""
        self.world.store.place(stream_id, version, change, like=like)
        self.leases()

    async def change(self, key: ViewKey, change: Callable[[dict[str, Any]], Mapping[str, Any]]) -> None:
        """Edits a view by hand."""
        for name in ("guest-details", "house-guests"):
            stored = await self.world.views.get(name, key)
            if stored is not None:
                await self.world.views.put(name, key, change(dict(stored.document)), stored.etag)


@pytest.fixture
async def desk(tmp_path: Path) -> Desk:
    """A guest was invited and dismissed, an hour ago; everybody has handled it."""
    desk = Desk(World(), tmp_path / "spill")
    desk.world.now += timedelta(seconds=1)
    await desk.world.commands.handle(HOUSE, context("k-1").to("house-hill", AddBeds("hill", 2)))
    await desk.world.commands.handle(GUEST, context("k-2").to(STREAM, InviteGuest("g-1", "hill", ())))
    await desk.world.commands.handle(GUEST, context("k-3").to(STREAM, DismissGuest("no")))
    desk.world.now += LONG_AFTER
    await desk.feed()
    return desk


def without(view: Mapping[str, Any], field: str) -> Mapping[str, Any]:
    return {name: value for name, value in view.items() if name != field}


PARKED = ParkedStream(STREAM, 1, 1, 1, "GuestInvited", "failed", "k", "no", "trace", 5, NOON)
DETAILS = ViewKey(f"1~{STREAM}", f"1~{STREAM}")
LISTED = ViewKey(f"1~{STREAM}", "hill")


async def test_where_all_is_well_nothing_is_found(desk: Desk) -> None:
    assert [] == await desk.found()


class TestViews:
    @pytest.mark.parametrize("key", [DETAILS, LISTED])
    async def test_one_that_was_edited_by_hand(self, desk: Desk, key: ViewKey) -> None:
        await desk.change(key, lambda document: {**document, "view": {**document["view"], "status": "arrived"}})
        consumer = "guest-details@1" if key == DETAILS else "house-guests@1"
        assert [("view-differs", STREAM, consumer)] == await desk.found()

    async def test_one_that_nobody_can_read(self, desk: Desk) -> None:
        await desk.change(DETAILS, lambda document: {**document, "view": {"status": 7}})
        assert [("view-differs", STREAM, "guest-details@1")] == await desk.found()

    async def test_one_that_another_build_knows_more_of_is_as_it_should_be(self, desk: Desk) -> None:
        await desk.change(DETAILS, lambda document: {**document, "view": {**document["view"], "colour": "red"}})
        assert [] == await desk.found()

    async def test_one_that_an_earlier_build_knows_less_of_lacks_what_the_events_say(self, desk: Desk) -> None:
        """Which is why a field more is a generation more."""
        await desk.change(DETAILS, lambda document: {**document, "view": without(document["view"], "dismissal")})
        assert [("view-differs", STREAM, "guest-details@1")] == await desk.found()

    async def test_one_that_is_out_of_date_for_this_build_is_folded_anew_by_whoever_needs_it(self, desk: Desk) -> None:
        await desk.change(DETAILS, lambda document: {**document, "outdatedFor": [document["writer"]], "view": {}})
        assert [] == await desk.found()

    async def test_one_whose_sort_key_was_edited(self, desk: Desk) -> None:
        await desk.change(LISTED, lambda document: {**document, "sortKey": "1~elsewhere"})
        assert [("view-differs", STREAM, "house-guests@1")] == await desk.found()

    async def test_one_that_was_deleted(self, desk: Desk) -> None:
        await desk.world.views.delete("guest-details", DETAILS)
        assert [("view-behind", STREAM, "guest-details@1")] == await desk.found()

    async def test_one_whose_position_was_edited(self, desk: Desk) -> None:
        await desk.change(DETAILS, lambda document: {**document, "position": 1})
        assert {("view-differs", STREAM, "guest-details@1"), ("view-behind", STREAM, "guest-details@1")} == set(
            await desk.found()
        )
        await desk.change(DETAILS, lambda document: {**document, "position": 9})
        assert [("view-ahead", STREAM, "guest-details@1")] == await desk.found()
        await desk.change(DETAILS, lambda document: {**document, "position": None})
        assert [("view-behind", STREAM, "guest-details@1")] == await desk.found()

    async def test_one_under_another_partition(self, desk: Desk) -> None:
        stored = await desk.world.views.get("house-guests", LISTED)
        assert stored is not None
        elsewhere = {**stored.document, "houseId": "mill"}
        await desk.world.views.put("house-guests", ViewKey(LISTED.id, "mill"), elsewhere, None)
        assert [("view-elsewhere", STREAM, "house-guests@1")] == await desk.found()

    async def test_one_without_a_stream(self, desk: Desk) -> None:
        await desk.world.views.put("guest-details", ViewKey("1~guest-g-9", "1~guest-g-9"), {"id": "1~guest-g-9"}, None)
        await desk.world.views.put("guest-details", ViewKey("by hand", "by hand"), {"id": "by hand"}, None)
        found = await desk.found()
        expected = [("view-without-stream", each, "guest-details@1") for each in ("by hand", "guest-g-9")]
        assert expected == sorted(found)

    async def test_one_of_another_generation_is_left_out(self, desk: Desk) -> None:
        await desk.world.views.put("guest-details", ViewKey("2~guest-g-1", "2~guest-g-1"), {"id": "2~guest-g-1"}, None)
        assert [] == await desk.found()

    async def test_one_that_is_merely_behind_is_as_it_should_be(self, desk: Desk) -> None:
        """Its consumer has not come that far."""
        await desk.world.views.delete("guest-details", DETAILS)
        details = next(each for each in PROJECTIONS if each.name == "guest-details")
        await desk.world.services.projector.run(details, desk.world.store.commits().items[:2])
        desk.leases('"2"')
        assert ["relay-behind"] == [kind for kind, _, _ in await desk.found()]
        desk.leases()
        assert [("view-behind", STREAM, "guest-details@1")] == await desk.found()

    async def test_of_one_whose_consumer_has_no_lease_nobody_knows_whether_it_is_behind(self, desk: Desk) -> None:
        await desk.world.views.delete("guest-details", DETAILS)
        desk.leases(without="guest-details")
        assert [("no-lease", None, "guest-details")] == await desk.found()

    async def test_one_whose_stream_is_parked_is_behind_for_a_reason(self, desk: Desk) -> None:
        await desk.world.views.delete("guest-details", DETAILS)
        await desk.world.parked_streams.park("guest-details@1", PARKED)
        assert [("parked", None, "guest-details@1")] == await desk.found()


class TestGenerations:
    @pytest.fixture
    async def both(self, desk: Desk) -> Desk:
        """Hosts write a second generation of a read model too."""
        await desk.world.services.projector.run(GUESTS_AGAIN, desk.world.store.commits().items)
        return desk

    async def test_every_one_that_is_written_is_looked_at(self, both: Desk) -> None:
        assert [] == await both.found(projections=(*DOMAIN.projections, GUESTS_AGAIN), followers=OF_BOTH)
        await both.world.views.delete("house-guests", ViewKey(f"2~{STREAM}", "hill"))
        assert [("view-behind", STREAM, "house-guests@2")] == await both.found(
            projections=(*DOMAIN.projections, GUESTS_AGAIN), followers=OF_BOTH
        )

    async def test_what_is_being_built_lacks_what_it_lacks_and_has_nothing_wrong(self, both: Desk) -> None:
        key = ViewKey(f"2~{STREAM}", "hill")
        stored = await both.world.views.get("house-guests", key)
        assert stored is not None
        await both.world.views.delete("house-guests", key)
        looked_at = {
            "projections": (*DOMAIN.projections, GUESTS_AGAIN),
            "followers": OF_BOTH,
            "building": {"house-guests@2"},
        }
        assert [] == await both.found(**looked_at)
        edited = {**stored.document, "view": {**stored.document["view"], "status": "arrived"}}
        await both.world.views.put("house-guests", key, edited, None)
        assert [("view-differs", STREAM, "house-guests@2")] == await both.found(**looked_at)


class TestSums:
    async def test_an_event_that_one_generation_has_not_counted_and_a_sum_that_was_edited(self, desk: Desk) -> None:
        items, counter = desk.world.store.commits().items, desk.world.services.counter
        await counter.run(EACH_EVENT, items)
        await counter.run(EACH_EVENT_AGAIN, items[:1])
        looked_at = {"projections": (EACH_EVENT, EACH_EVENT_AGAIN), "followers": followers([OF_EVENTS])}
        assert [("view-behind", STREAM, "house-visits@2")] == await desk.found(**looked_at)
        await counter.run(EACH_EVENT_AGAIN, items)
        assert [] == await desk.found(**looked_at)
        bucket = next(each for _, each in desk.world.rollups._buckets if each.startswith("1~"))
        desk.world.rollups._buckets["house-visits", bucket].sums["00.hill.events"] += 1
        assert [("view-differs", None, "house-visits@1")] == await desk.found(**looked_at)

    async def test_one_that_the_consumer_has_not_come_to_is_as_it_should_be(self, desk: Desk) -> None:
        looked_at = {"projections": (EACH_EVENT,), "followers": followers([OF_EVENTS])}
        desk.leases('"0"')
        assert ["relay-behind"] == [kind for kind, _, _ in await desk.found(**looked_at)]
        desk.leases()
        found = await desk.found(**looked_at)
        assert {("view-behind", each, "house-visits@1") for each in (STREAM, "house-hill")} == set(found)


class TestEvents:
    async def test_one_that_was_rewritten_in_place(self, desk: Desk) -> None:
        """Its views show what it said before, until they are refolded."""
        (invited, _) = await desk.world.store.read(STREAM)
        desk.world.store.rewrite(STREAM, 1, {**invited.data, "houseId": "erased"})
        found = await desk.found()
        assert ("view-differs", STREAM, "guest-details@1") in found
        assert ("view-elsewhere", STREAM, "house-guests@1") in found

    @pytest.mark.parametrize(
        ("change", "kind"),
        [
            ({"data": {"guestId": 7}}, "undecodable"),
            ({"type": "GuestVanished"}, "newer"),
            ({"schema": 99}, "newer"),
            ({"metadata": {}}, "undecodable"),
            ({"version": 7}, "undecodable"),
        ],
    )
    async def test_one_that_cannot_be_read(self, desk: Desk, change: Mapping[str, Any], kind: str) -> None:
        desk.place(STREAM, 3, change)
        assert [(kind, STREAM, None)] == await desk.found()

    async def test_one_that_a_read_model_cannot_apply(self, desk: Desk) -> None:
        (invited, _) = await desk.world.store.read(STREAM)
        item = {"type": "GuestDismissed", "data": {"guestId": "g-1", "houseId": "hill", "reason": "no"}}
        desk.place("guest-g-2", 1, {**item, "commandKey": "x/0"}, like=STREAM)
        assert {("does-not-apply", "guest-g-2", f"{name}@1") for name in ("guest-details", "house-guests")} <= set(
            await desk.found()
        )
        assert invited.version == 1

    async def test_a_gap(self, desk: Desk) -> None:
        desk.place(STREAM, 5, {})
        assert [("gap", STREAM, None)] == await desk.found()

    async def test_a_fork_and_what_is_no_event(self, desk: Desk) -> None:
        desk.place(STREAM, 2, {"id": "2b"})
        desk.place(STREAM, 2, {"id": "note", "version": "none"})
        assert [("fork", STREAM, None), ("no-event", STREAM, None)] == sorted(await desk.found())

    async def test_a_stream_near_its_limits(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("engine.verifying.stream.MANY_EVENTS", 2)
        assert [("large", STREAM, None)] == await desk.found()
        monkeypatch.setattr("engine.verifying.stream.MANY_EVENTS", 1_000_000)
        monkeypatch.setattr("engine.verifying.stream.MAX_STREAM_BYTES", 800)
        assert ("large", STREAM, None) in await desk.found()


class TestConsumers:
    async def test_a_relay_that_has_not_come_that_far(self, desk: Desk) -> None:
        for each in desk.world.change_feed.documents:
            if each["id"].startswith("relay-"):
                each["ContinuationToken"] = '"1"'  # type: ignore[index]
        assert [("relay-behind", None, "relay")] == await desk.found()

    async def test_a_lease_that_is_gone(self, desk: Desk) -> None:
        desk.leases(without="relay")
        assert [("no-lease", None, "relay")] == await desk.found()

    async def test_what_is_parked(self, desk: Desk) -> None:
        await desk.world.parked.park("commands", Received("m", STREAM, 1, b""), Failure("no", "", 1, NOON))
        assert [("parked", None, "commands")] == await desk.found()

    async def test_a_process_that_hangs(self, desk: Desk) -> None:
        await desk.world.settle()
        desk.world.now += timedelta(days=2)
        desk.leases()
        assert [] == await desk.found()
        hanging = [replace(GREETING, ended=lambda _: False)]
        assert [("process-unended", "greeting-g-1", None)] == await desk.found(processes=hanging)
        assert [] == await desk.found(processes=hanging, unended_after=timedelta(days=3))


class Meanwhile:
    """The feed of the events, while others write."""

    def __init__(self, world: World) -> None:
        self.feed = world.change_feed
        self.pages = 0

    async def ranges(self) -> Sequence[FeedRange]:
        return await self.feed.ranges()

    async def leases(self) -> Sequence[Lease]:
        return await self.feed.leases()

    async def read(self, where: FeedRange, after: str | None, limit: int) -> FeedPage:
        page = await self.feed.read(where, after, limit)
        return page if limit == 1 else await self.walked(page, after)

    async def walked(self, page: FeedPage, after: str | None) -> FeedPage:
        raise NotImplementedError


class TestWhileTheServiceWrites:
    async def test_what_views_have_seen_beyond_the_walk_is_read(self, desk: Desk) -> None:
        class More(Meanwhile):
            async def walked(self, page: FeedPage, after: str | None) -> FeedPage:
                self.pages += 1
                if not page.items:
                    for number in (4, 5):
                        inviting = InviteGuest(f"g-{number}", "hill", ())
                        asked = context(f"k-{number}").to(f"guest-g-{number}", inviting)
                        await desk.world.commands.handle(GUEST, asked)
                    more = context("k-6").to("house-hill", AddBeds("hill", 1))
                    await desk.world.commands.handle(HOUSE, more)
                    await desk.feed()
                return page

        assert [] == await desk.found(feed=More(desk.world))

    async def test_an_event_that_is_rewritten_meanwhile_and_comes_later_is_no_gap(self, desk: Desk) -> None:
        class Later(Meanwhile):
            async def walked(self, page: FeedPage, after: str | None) -> FeedPage:
                shown = [item for item in page.items if (item["streamId"], item["version"]) != (STREAM, 1)]
                return replace(page, items=shown)

        assert [] == await desk.found(feed=Later(desk.world))

    async def test_it_comes_to_an_end_however_much_is_written(self, desk: Desk) -> None:
        class Endless(Meanwhile):
            async def walked(self, page: FeedPage, after: str | None) -> FeedPage:
                self.pages += 1
                assert self.pages < 10, "it follows for ever"
                first, *_ = (await self.feed.read(WHOLE, None, 1)).items
                now = int(desk.world.now.timestamp())
                return FeedPage([{**first, "_ts": now + 1}], f'"{self.pages}"', 1) if after else page

        assert [] == await desk.found(feed=Endless(desk.world))


class TestInterruptions:
    async def test_it_goes_on_where_it_was_interrupted(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("engine.verifying.walk._PAGE", 1)
        desk.place(STREAM, 2, {"id": "2b"})
        read = 0

        class Interrupted(Exception):
            pass

        def report(what: str, done: int, total: int) -> None:
            nonlocal read
            read += 1
            raise Interrupted

        runs = 0
        for _ in range(100):
            findings: list[Finding] = []
            spill = Spill(desk.file)
            try:
                runs += 1
                await desk.verification().run(spill, findings.append, report if runs < 5 else lambda *_: None)
                break
            except* Interrupted:
                pass
            finally:
                spill.close()
        assert (5, 4) == (runs, read)
        assert ["fork"] == [each.kind for each in findings]

    async def test_it_reads_each_event_once_even_so(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("engine.verifying.walk._PAGE", 1)
        spill = Spill(desk.file)
        await desk.verification().run(spill, lambda _: None, lambda *_: None)
        spill.close()
        asked: list[str | None] = []
        read = desk.world.change_feed.read

        async def recorded(where: Any, after: str | None, limit: int) -> Any:
            asked.append(after)
            return await read(where, after, limit)

        monkeypatch.setattr(desk.world.change_feed, "read", recorded)
        spill = Spill(desk.file)
        await desk.verification().run(spill, lambda _: None, lambda *_: None)
        spill.close()
        assert '"3"' == asked[-1]
        assert None not in asked


async def test_nobody_else_may_read_what_it_keeps(tmp_path: Path) -> None:
    Spill(tmp_path / "spill").close()
    assert 0o600 == (tmp_path / "spill").stat().st_mode & 0o777
