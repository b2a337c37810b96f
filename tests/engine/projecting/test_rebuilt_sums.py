"""A rollup has generations as other read models do: its sums are counted again beside those that serve."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any, Final

import pytest

from engine.errors import Throttled
from engine.projecting.counting.port import Sums
from engine.projecting.counting.rollup import Contribution
from engine.projecting.generations.known import KEPT_FOR
from engine.projecting.generations.port import GenerationRefused, Generations
from engine.projecting.generations.switching import CONTINUED
from engine.projecting.query import ReadModel
from engine.services import Services
from engine.triggers.http import HttpFunctions
from tests.engine.projecting.changing import HOUSE
from tests.engine.projecting.test_rebuild import Desk
from tests.engine.toy.guest import GuestArrived
from tests.engine.toy.interface import _to_json
from tests.engine.toy.read_models.house_visits import BY_TIME, HOUSE_VISITS
from tests.engine.triggers.door import ask


def _twofold(recorded: Any, _: Any) -> tuple[Contribution, ...]:
    return (Contribution(HOUSE, "arrivals", 2),) if isinstance(recorded.event, GuestArrived) else ()


TWOFOLD: Final = replace(HOUSE_VISITS, generation=2, contributions=_twofold)
VISITS: Final = ReadModel((HOUSE_VISITS, TWOFOLD), (BY_TIME, replace(BY_TIME, projection=TWOFOLD)))
NAME: Final = VISITS.name


async def arrivals(desk: Desk) -> int:
    """What a query answers."""

    async def services() -> Services:
        return desk.process()

    functions = HttpFunctions(services, (VISITS,), _to_json, {}, trust_easyauth=False)
    answered = await ask(partial(functions.query, NAME))
    return sum(row["arrivals"] for row in answered.body["totals"])


async def counted(desk: Desk, generation: int) -> Mapping[str, Sums]:
    """The sums in the store, by bucket."""
    found = (await desk.rollups.changes(NAME).read((await desk.rollups.changes(NAME).ranges())[0], None, 10_000)).items
    return {
        item["id"]: item["sums"]
        for item in found
        if item["id"] == item["bucket"] and item["id"].startswith(f"{generation}~")
    }


@pytest.fixture
async def desk() -> Desk:
    """Ada and Bob have arrived, and the hosts have counted that."""
    desk = Desk()
    for guest in ("ada", "ada", "bob", "bob"):
        await desk.happens(guest)
    await desk.project(VISITS)
    return desk


async def test_new_sums_are_counted_beside_the_old_ones_and_take_over(desk: Desk) -> None:
    assert 2 == await arrivals(desk)

    async def arrived(_: float) -> None:
        # A host that has asked a moment ago counts this for the former generation alone.
        await desk.happens("eve")
        await desk.happens("eve")
        await desk.project(VISITS)

    desk.paused = arrived
    await desk.rebuild(read_model=VISITS)
    desk.paused = None
    assert (3, Generations(1, (1, 2))) == (await arrivals(desk), await desk.stored(NAME))
    await desk.flip(read_model=VISITS)
    assert 6 == await arrivals(desk)
    desk.now += timedelta(seconds=KEPT_FOR)
    await desk.happens("ada")
    await desk.project(VISITS)
    assert 8 == await arrivals(desk)
    await desk.flip(read_model=VISITS)
    assert 4 == await arrivals(desk)


async def test_two_at_once_and_one_that_comes_again_count_once(desk: Desk) -> None:
    paused = False

    async def interrupted(_: float) -> None:
        nonlocal paused
        paused = True
        raise KeyError

    desk.paused = interrupted
    with pytest.raises(KeyError):
        await desk.rebuild(read_model=VISITS)
    desk.paused = None
    assert paused
    await desk.rebuild(read_model=VISITS)
    await desk.flip(read_model=VISITS)
    assert 4 == await arrivals(desk)


async def test_a_drop_deletes_counters_and_markers_of_one_generation(desk: Desk) -> None:
    await desk.rebuild(read_model=VISITS)
    await desk.flip(read_model=VISITS)
    desk.now += CONTINUED
    before = await counted(desk, 2)
    deleted = await desk.drop(1, read_model=VISITS)
    # A counter and two markers: Ada and Bob are of the same shard.
    assert (3, {}, before) == (deleted, await counted(desk, 1), await counted(desk, 2))
    assert {} == {
        bucket: found.markers for (_, bucket), found in desk.rollups._buckets.items() if bucket.startswith("1~")
    }


async def test_a_drop_that_is_throttled_goes_on(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    await desk.rebuild(read_model=VISITS)
    delete, times = desk.rollups.delete, 0

    async def throttled(container: str, prefix: str, limit: int) -> int:
        nonlocal times
        times += 1
        if times % 2:
            raise Throttled("busy", 1.0)
        return await delete(container, prefix, 1)

    monkeypatch.setattr(desk.rollups, "delete", throttled)
    assert 3 == await desk.drop(2, read_model=VISITS)
    assert {} == await counted(desk, 2)


async def test_a_stream_that_cannot_be_counted_is_parked_for_the_new_one(desk: Desk) -> None:
    def broken(recorded: Any, _: Any) -> tuple[Contribution, ...]:
        if recorded.stream_id == "guest-bob":
            raise ValueError("no number")
        return _twofold(recorded, _)

    spoilt = replace(TWOFOLD, contributions=broken)
    await desk.rebuild(read_model=VISITS, consumer=desk.process().feeding.walker(spoilt))
    with pytest.raises(GenerationRefused, match=r"house-visits has parked guest-bob"):
        await desk.flip(read_model=VISITS)
    await desk.flip(read_model=VISITS, with_parked=True)
    assert 2 == await arrivals(desk)
