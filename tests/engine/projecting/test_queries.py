"""A past state is answered as it was, whatever a lagging replica shows."""

from datetime import timedelta

import pytest

from engine.commands.errors import UnknownStream
from engine.errors import Unavailable
from engine.projecting.queries import Queries
from engine.testing.times import NOON
from tests.engine.commands.desk import GUEST_STREAM, INVITE, WELCOME, Desk
from tests.engine.commands.hostile_store import HostileStore
from tests.engine.toy.read_models.guest_details import GUEST_DETAILS
from tests.engine.world import services_over

LATER = NOON + timedelta(hours=1)


@pytest.fixture
async def store() -> HostileStore:
    """A guest was invited at noon and arrived an hour later; the replica shows the invitation only."""
    store = HostileStore()
    desk = Desk(store)
    await desk.guest(INVITE, "k-1")
    desk.now = LATER
    await desk.guest(WELCOME, "k-2")
    store.calls.clear()
    store.hidden = 1
    return store


@pytest.fixture
def queries(store: HostileStore) -> Queries:
    return services_over(store).queries


@pytest.mark.parametrize("after", [timedelta(0), timedelta(days=1), timedelta(days=3650)])
async def test_the_primary_is_asked_whether_there_was_more_by_then(
    store: HostileStore, queries: Queries, after: timedelta
) -> None:
    seen = await queries.view_at(GUEST_DETAILS, GUEST_STREAM, time=LATER + after)
    assert (2, ["read", "is_head", "read", "is_head"]) == (seen.version, store.calls)


async def test_a_later_event_proves_that_none_is_missing(store: HostileStore, queries: Queries) -> None:
    store.hidden = 0
    assert 1 == (await queries.view_at(GUEST_DETAILS, GUEST_STREAM, time=NOON)).version
    with pytest.raises(UnknownStream):
        await queries.view_at(GUEST_DETAILS, GUEST_STREAM, time=NOON - timedelta(seconds=1))
    assert ["read", "read"] == store.calls


async def test_a_version_that_is_shown_is_answered_and_another_one_asked_for(
    store: HostileStore, queries: Queries
) -> None:
    assert 1 == (await queries.view_at(GUEST_DETAILS, GUEST_STREAM, version=1)).version
    assert ["read"] == store.calls
    assert 2 == (await queries.view_at(GUEST_DETAILS, GUEST_STREAM, version=2)).version
    with pytest.raises(UnknownStream):
        await queries.view_at(GUEST_DETAILS, GUEST_STREAM, version=3)


async def test_replicas_that_lag_on_are_no_answer(
    store: HostileStore, queries: Queries, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_: object) -> bool:
        return False

    monkeypatch.setattr(store, "is_head", never)
    with pytest.raises(Unavailable):
        await queries.view_at(GUEST_DETAILS, GUEST_STREAM, time=LATER)


async def test_without_a_moment_what_is_shown_is_enough(store: HostileStore, queries: Queries) -> None:
    assert 1 == (await queries.view_at(GUEST_DETAILS, GUEST_STREAM)).version
    assert ["read"] == store.calls
