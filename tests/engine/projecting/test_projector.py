"""One batch of the change feed into one read model: in any order, repeated, with holes, conflicts and failures."""

import random
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.consuming.errors import TransientFailure
from engine.consuming.throttling import LONGEST
from engine.errors import OutcomeUnknown, Unavailable
from engine.projecting.port import ViewKey
from engine.storing.events import StoredEvent
from engine.testing.times import NOON
from tests.engine.histories import history_of
from tests.engine.projecting.feeding import Feeding, views_of_both
from tests.engine.toy.guest import GuestArrived, GuestDismissed, GuestInvited, Wish
from tests.engine.toy.house import BedsAdded
from tests.engine.toy.read_models.guest_details import GUEST_DETAILS
from tests.engine.toy.read_models.house_beds import HOUSE_BEDS
from tests.engine.toy.read_models.house_guests import HOUSE_GUESTS
from tests.engine.toy.registry import DOMAIN, GUEST, HOUSE, PROJECTIONS
from tests.engine.toy.strategies import GUEST_COMMANDS, HOUSE_COMMANDS

WISHES = (Wish("a window", 1),)
INVITED = GuestInvited("g-1", "hill", WISHES)
ARRIVED = GuestArrived("g-1", "hill")
DISMISSED = GuestDismissed("g-1", "hill", "too loud")


class Service(Feeding):
    """What the tests ask of the view of guest `g-1`."""

    async def position(self, container: str = "guest-details", view_id: str = "1~guest-g-1") -> int | None:
        document = await self.views.get(container, ViewKey(view_id, view_id))
        return None if document is None else document.position

    async def status(self) -> str:
        document = await self.views.get("guest-details", ViewKey("1~guest-g-1", "1~guest-g-1"))
        assert document is not None
        return str(document.document["view"]["status"])


@pytest.fixture
def service() -> Service:
    return Service()


async def test_a_batch_is_projected_with_its_position(service: Service) -> None:
    await service.projector.run(GUEST_DETAILS, await service.happened("guest-g-1", INVITED))
    assert (1, "invited") == (await service.position(), await service.status())


async def test_events_of_one_transaction_may_come_in_any_order_and_need_no_further_read(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    items = await service.happened("guest-g-1", INVITED, ARRIVED, DISMISSED)
    monkeypatch.setattr(service.store, "read", None)
    await service.projector.run(GUEST_DETAILS, list(reversed(items)))
    assert (3, "dismissed") == (await service.position(), await service.status())


async def test_a_view_is_written_once_per_batch(service: Service) -> None:
    await service.projector.run(GUEST_DETAILS, await service.happened("guest-g-1", INVITED, ARRIVED, DISMISSED))
    assert 1 == service.views.written


async def test_a_batch_that_comes_again_changes_nothing(service: Service) -> None:
    items = await service.happened("guest-g-1", INVITED, ARRIVED)
    await service.projector.run(GUEST_DETAILS, items)
    await service.projector.run(GUEST_DETAILS, items)
    assert (2, 1) == (await service.position(), service.views.written)


async def test_a_batch_that_comes_late_changes_nothing(service: Service) -> None:
    first = await service.happened("guest-g-1", INVITED)
    second = await service.happened("guest-g-1", ARRIVED)
    await service.projector.run(GUEST_DETAILS, [*first, *second])
    await service.projector.run(GUEST_DETAILS, first)
    assert (2, "arrived") == (await service.position(), await service.status())


async def test_a_hole_is_filled_from_the_store(service: Service) -> None:
    await service.happened("guest-g-1", INVITED)
    items = await service.happened("guest-g-1", ARRIVED)
    await service.projector.run(GUEST_DETAILS, items)
    assert (2, "arrived") == (await service.position(), await service.status())


async def test_the_first_event_decides_where_the_view_is(service: Service) -> None:
    """A host that had the stream in its memory when it was rewritten may write what the first event said before."""
    await service.projector.run(HOUSE_GUESTS, await service.happened("guest-g-1", GuestInvited("g-1", "lake", ())))
    await service.projector.run(HOUSE_GUESTS, await service.happened("guest-g-1", ARRIVED))
    (view,) = await service.views.find("house-guests", "1~guest-g-1")
    shown = view.document
    assert (2, "lake", "arrived") == (view.position, shown["houseId"], shown["view"]["status"])


async def test_a_hole_that_the_store_cannot_fill_yet_is_waited_for(service: Service) -> None:
    await service.happened("guest-g-1", INVITED)
    items = await service.happened("guest-g-1", ARRIVED)
    service.store.lose("guest-g-1", after=0)
    with pytest.raises(TransientFailure, match="does not show"):
        await service.projector.run(GUEST_DETAILS, items)
    assert await service.position() is None


async def test_a_view_that_somebody_else_wrote_is_read_again(service: Service) -> None:
    items = await service.happened("guest-g-1", INVITED)
    service.views.conflicts = 2
    await service.projector.run(GUEST_DETAILS, items)
    assert 1 == await service.position()


async def test_streams_of_other_kinds_are_not_its_business(service: Service) -> None:
    items = await service.happened("house-hill", BedsAdded("hill", 10))
    await service.projector.run(GUEST_DETAILS, items)
    assert 0 == service.views.written


async def test_a_text_that_the_host_may_have_rewritten_is_read_from_the_store(service: Service) -> None:
    written = "2026-01-02T03:04:05.000Z"
    await service.projector.run(GUEST_DETAILS, await service.happened("guest-g-1", INVITED))
    items = await service.happened("guest-g-1", GuestDismissed("g-1", "hill", written))
    rewritten = [{**item, "data": {**item["data"], "reason": "2026-01-02T03:04:05Z"}} for item in items]
    await service.projector.run(GUEST_DETAILS, rewritten)
    document = await service.views.get("guest-details", ViewKey("1~guest-g-1", "1~guest-g-1"))
    assert document is not None
    assert written == document.document["view"]["dismissal"]["reason"]


class TestWrittenAMomentAgo:
    """A view that this process has written is not read before it is written again."""

    async def test_it_is_not_read_at_all_from_the_beginning_of_its_stream_on(self, service: Service) -> None:
        for event in (INVITED, ARRIVED, DISMISSED):
            await service.projector.run(GUEST_DETAILS, await service.happened("guest-g-1", event))
        assert (0, 3) == (service.views.read, service.views.written)
        assert (3, "dismissed") == (await service.position(), await service.status())

    async def test_one_that_is_there_when_its_stream_begins_is_read_and_not_taken_back(self, service: Service) -> None:
        invited = await service.happened("guest-g-1", INVITED)
        await service.projector.run(GUEST_DETAILS, [*invited, *await service.happened("guest-g-1", ARRIVED)])
        await service.another_projector().run(GUEST_DETAILS, invited)
        assert (1, 1) == (service.views.read, service.views.written)
        assert (2, "arrived") == (await service.position(), await service.status())

    async def test_it_is_read_before_its_first_write_elsewhere(self, service: Service) -> None:
        await service.another_projector().run(GUEST_DETAILS, await service.happened("guest-g-1", INVITED))
        for event in (ARRIVED, DISMISSED):
            await service.projector.run(GUEST_DETAILS, await service.happened("guest-g-1", event))
        assert (1, 3) == (service.views.read, service.views.written)

    async def test_it_is_read_again_when_another_process_has_written_it(self, service: Service) -> None:
        await service.projector.run(GUEST_DETAILS, await service.happened("guest-g-1", INVITED))
        arrived = await service.happened("guest-g-1", ARRIVED)
        await service.another_projector().run(GUEST_DETAILS, arrived)
        before = service.views.read
        await service.projector.run(GUEST_DETAILS, [*arrived, *await service.happened("guest-g-1", DISMISSED)])
        assert 1 == service.views.read - before
        assert (3, "dismissed") == (await service.position(), await service.status())

    async def test_it_is_read_again_when_a_write_may_have_happened(
        self, service: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await service.projector.run(GUEST_DETAILS, await service.happened("guest-g-1", INVITED))
        put = service.views.put

        async def lost(*arguments: Any) -> str:
            await put(*arguments)
            raise OutcomeUnknown("lost")

        arrived = await service.happened("guest-g-1", ARRIVED)
        with monkeypatch.context() as patched:
            patched.setattr(service.views, "put", lost)
            with pytest.raises(TransientFailure, match="lost"):
                await service.projector.run(GUEST_DETAILS, arrived)
        before = service.views.read
        await service.projector.run(GUEST_DETAILS, arrived)
        assert (1, 2) == (service.views.read - before, service.views.written)

    async def test_only_the_store_says_that_there_is_nothing_to_write(self, service: Service) -> None:
        """The store was restored, and the feed brings again what the view in it has not seen."""
        invited, arrived = await service.happened("guest-g-1", INVITED), await service.happened("guest-g-1", ARRIVED)
        await service.projector.run(GUEST_DETAILS, invited)
        backup = service.backup()
        await service.projector.run(GUEST_DETAILS, arrived)
        service.restore(backup)
        await service.projector.run(GUEST_DETAILS, arrived)
        assert (2, "arrived") == (await service.position(), await service.status())


class TestFailures:
    async def test_an_event_that_does_not_apply_parks_its_stream_and_holds_back_nobody_else(
        self, service: Service
    ) -> None:
        broken = await service.happened("guest-g-1", ARRIVED)
        sound = await service.happened("guest-g-2", GuestInvited("g-2", "hill", WISHES))
        await service.projector.run(GUEST_DETAILS, [*broken, *sound])
        parked = await service.parked_streams.get("guest-details@1", "guest-g-1")
        assert parked is not None
        assert ("failed", 1, "GuestArrived", 5) == (parked.why, parked.version, parked.type, parked.attempts)
        assert "before GuestInvited" in parked.error
        assert (None, 1) == (await service.position(), await service.position(view_id="1~guest-g-2"))

    async def test_data_that_cannot_be_read_parks_its_stream(self, service: Service) -> None:
        items = await service.happened("guest-g-1", INVITED)
        await service.projector.run(GUEST_DETAILS, [{**items[0], "data": {"nonsense": 1}}])
        parked = await service.parked_streams.get("guest-details@1", "guest-g-1")
        assert parked is not None
        assert "its data is no GuestInvited" in parked.error

    @pytest.mark.parametrize("newer", [{"schema": 2}, {"type": "GuestTeleported"}])
    async def test_an_event_of_a_newer_build_parks_its_stream_at_once(
        self, service: Service, newer: Mapping[str, Any]
    ) -> None:
        items = await service.happened("guest-g-1", INVITED)
        await service.projector.run(GUEST_DETAILS, [{**items[0], **newer}])
        parked = await service.parked_streams.get("guest-details@1", "guest-g-1")
        assert parked is not None
        assert ("newer", 1, NOON) == (parked.why, parked.attempts, service.now)

    async def test_an_event_rewritten_in_place_is_skipped_unless_it_cannot_be_read_any_more(
        self, service: Service
    ) -> None:
        (item,) = await service.happened("guest-g-1", INVITED)
        await service.projector.run(GUEST_DETAILS, [item])
        await service.projector.run(GUEST_DETAILS, [{**item, "data": {**item["data"], "houseId": "lake"}}])
        assert (1, frozenset()) == (
            service.views.written, (await service.parked_streams.index("guest-details@1")).stream_ids,
        )  # fmt: skip
        await service.projector.run(GUEST_DETAILS, [{**item, "data": {}}])
        assert {"guest-g-1"} == (await service.parked_streams.index("guest-details@1")).stream_ids

    async def test_a_store_that_is_away_is_waited_for(self, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
        items = await service.happened("guest-g-1", INVITED)
        service.views.away = True
        with pytest.raises(TransientFailure, match="away"):
            await service.projector.run(GUEST_DETAILS, items)
        service.views.away = False

        async def away(*_: object) -> Sequence[StoredEvent]:
            raise Unavailable("away")

        monkeypatch.setattr(service.store, "read", away)
        with pytest.raises(TransientFailure, match="away"):
            await service.projector.run(GUEST_DETAILS, await service.happened("guest-g-1", ARRIVED))

    async def test_a_view_that_is_throttled_waits_as_long_as_it_is_asked_to_and_the_others_go_on(
        self, service: Service
    ) -> None:
        """Among them more streams than are applied at once, all of them throttled."""
        guests = [f"g-{number}" for number in range(40)]
        items = [
            item for each in guests for item in await service.happened(f"guest-{each}", GuestInvited(each, "hill", ()))
        ]
        busy_until, hot = NOON + timedelta(seconds=60), {f"1~guest-{each}" for each in guests[:20]}
        written_while_busy: set[str] = set()

        def throttled(key: ViewKey) -> bool:
            if service.now >= busy_until:
                return False
            if key.id not in hot:
                written_while_busy.add(key.id)
            return key.id in hot

        service.views.throttled = throttled
        await service.projector.run(GUEST_DETAILS, items)
        assert {f"1~guest-{each}" for each in guests[20:]} == written_while_busy
        assert [1] * 40 == [await service.position(view_id=f"1~guest-{each}") for each in guests]

    async def test_what_stays_throttled_is_told_once_the_others_are_written(self, service: Service) -> None:
        items = [*await service.happened("guest-g-1", INVITED)]
        items += await service.happened("guest-g-2", GuestInvited("g-2", "hill", WISHES))
        service.views.throttled = lambda key: key.id == "1~guest-g-1"
        with pytest.raises(TransientFailure, match=r"guest-details@1 waits with stream guest-g-1: 429"):
            await service.projector.run(GUEST_DETAILS, items)
        assert (None, 1) == (await service.position(), await service.position(view_id="1~guest-g-2"))
        assert LONGEST - timedelta(seconds=3) < service.now - NOON < LONGEST
        service.views.throttled = lambda _: False
        await service.projector.run(GUEST_DETAILS, items)
        assert (1, 2) == (await service.position(), service.views.written)

    async def test_a_view_that_others_keep_writing_is_waited_for(self, service: Service) -> None:
        service.views.conflicts = 1000
        with pytest.raises(TransientFailure, match="keep writing"):
            await service.projector.run(GUEST_DETAILS, await service.happened("guest-g-1", INVITED))


@given(data=st.data(), seed=st.integers(0, 2**32))
async def test_views_do_not_depend_on_how_the_feed_delivers(data: st.DataObject, seed: int) -> None:
    """Cut into batches in any way, in any order within a transaction, with any repetition: the same views."""
    histories = {
        "guest-g-1": history_of(GUEST, data.draw(st.lists(GUEST_COMMANDS, max_size=12))),
        "house-hill": history_of(HOUSE, data.draw(st.lists(HOUSE_COMMANDS, max_size=12))),
    }
    plain, hostile = await views_of_both(DOMAIN, PROJECTIONS, histories, random.Random(seed))
    assert plain == hostile


def test_every_read_model_is_known_by_its_own_consumer_name() -> None:
    assert ["guest-details@1", "house-beds@1", "house-guests@1"] == [each.consumer for each in PROJECTIONS]
    assert [GUEST_DETAILS, HOUSE_BEDS, HOUSE_GUESTS] == list(PROJECTIONS)
