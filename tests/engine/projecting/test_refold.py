"""The events of a stream were rewritten in place: its views say what they say now, in one place."""

import pytest

from engine.commands.errors import UnknownStream
from engine.consuming.errors import PermanentFailure, TransientFailure
from engine.projecting.port import ViewKey
from engine.projecting.refold import Refolded
from engine.storing.snapshots import Snapshot
from engine.testing.times import NOON
from tests.engine.projecting.feeding import Feeding
from tests.engine.toy.guest import GuestArrived, GuestInvited
from tests.engine.toy.read_models.house_guests import HOUSE_GUESTS
from tests.engine.toy.registry import CODEC, PROJECTIONS

STREAM = "guest-g-1"
AT_THE_HILL = (GuestInvited("g-1", "hill", ()), GuestArrived("g-1", "hill"))
AT_THE_LAKE = (GuestInvited("g-1", "lake", ()), GuestArrived("g-1", "lake"))


@pytest.fixture
async def feeding() -> Feeding:
    feeding = Feeding()
    await feed(feeding, await feeding.happened(STREAM, *AT_THE_HILL))
    return feeding


async def feed(feeding: Feeding, items: list[dict[str, object]]) -> None:
    for projection in PROJECTIONS:
        await feeding.projector.run(projection, items)


def rewrite(feeding: Feeding, *events: object) -> list[dict[str, object]]:
    """Gives what the feed brings then."""
    before = feeding.store.commits().position
    for version, event in enumerate(events, start=1):
        feeding.store.rewrite(STREAM, version, CODEC.encode(event)[2])
    return list(feeding.store.commits(before).items)


async def shown(feeding: Feeding) -> dict[str, list[str]]:
    """The houses of which the guest is shown as one, by read model."""
    houses: dict[str, list[str]] = {"guest-details": [], "house-guests": []}
    for name, found in houses.items():
        found += [each.document["view"]["houseId"] for each in await feeding.views.find(name, f"1~{STREAM}")]
    return houses


@pytest.mark.parametrize("fed_before", [False, True])
async def test_the_views_show_the_rewritten_stream_once(feeding: Feeding, fed_before: bool) -> None:
    items = rewrite(feeding, *AT_THE_LAKE)
    if fed_before:
        await feed(feeding, items)
        assert {"guest-details": ["hill"], "house-guests": ["hill", "lake"]} == await shown(feeding)
    expected = [Refolded("guest-details", 1, 2, 0), Refolded("house-guests", 1, 2, 1)]
    assert expected == await feeding.refold.stream(PROJECTIONS, STREAM)
    right = {"guest-details": ["lake"], "house-guests": ["lake"]}
    assert right == await shown(feeding)
    await feed(feeding, items)
    assert right == await shown(feeding)
    assert [0, 0] == [each.deleted for each in await feeding.refold.stream(PROJECTIONS, STREAM)]


async def test_what_happens_later_is_projected_on_the_new_view(feeding: Feeding) -> None:
    rewrite(feeding, *AT_THE_LAKE)
    await feeding.refold.stream(PROJECTIONS, STREAM)
    (left,) = await feeding.happened(STREAM, GuestArrived("g-1", "lake"))
    await feed(feeding, [left])
    (view,) = await feeding.views.find("house-guests", f"1~{STREAM}")
    assert 3 == view.position


async def test_an_event_that_was_left_out_is_told_and_nothing_is_done(feeding: Feeding) -> None:
    rewrite(feeding, AT_THE_LAKE[0])
    with pytest.raises(PermanentFailure, match="event 2 says another partition than event 1"):
        await feeding.refold.stream([HOUSE_GUESTS], STREAM)
    assert ["hill"] == (await shown(feeding))["house-guests"]


async def test_a_view_that_a_projector_writes_meanwhile_is_made_again(feeding: Feeding) -> None:
    rewrite(feeding, *AT_THE_LAKE)
    feeding.views.conflicts = 2
    await feeding.refold.stream(PROJECTIONS, STREAM)
    assert ["lake"] == (await shown(feeding))["house-guests"]
    feeding.views.conflicts = 1000
    with pytest.raises(TransientFailure, match="keep writing"):
        await feeding.refold.stream(PROJECTIONS, STREAM)


async def test_its_snapshots_are_gone(feeding: Feeding) -> None:
    await feeding.snapshots.write(Snapshot(STREAM, 1, 2, "e", NOON, "GuestArrived", {"houseId": "hill"}))
    await feeding.refold.stream(PROJECTIONS, STREAM)
    assert await feeding.snapshots.read(STREAM, 1) is None


async def test_a_stream_that_is_not_there_is_told(feeding: Feeding) -> None:
    with pytest.raises(UnknownStream):
        await feeding.refold.stream(PROJECTIONS, "guest-g-2")
    assert await feeding.views.get("house-guests", ViewKey("1~guest-g-2", "hill")) is None
