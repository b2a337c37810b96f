"""The store was restored to an earlier moment under a warm process: every consumer goes on from what is there."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from emulators.cosmos.server import CosmosServer
from engine.clock import utc_now
from engine.consuming.messages import failure_of
from engine.consuming.parked.release import Release
from engine.errors import Unavailable
from engine.messaging.memory import MemoryBus
from engine.messaging.port import Received
from engine.messaging.topology import EVENT_TOPIC, REACTION_QUEUE
from engine.messaging.wire import event_message
from engine.projecting.cosmos import CosmosViewStore
from engine.projecting.counting.sums import Span
from engine.projecting.memory import MemoryViewStore
from engine.projecting.port import ViewKey
from engine.services import Services
from engine.storing.containers import EVENTS
from engine.storing.cosmos import CosmosEventStore
from engine.storing.cosmos_account import open_client
from engine.storing.events import StoredEvent
from engine.storing.items import to_items
from engine.storing.memory import MemoryEventStore
from engine.storing.port import EventStore, Head
from engine.testing.times import NOON
from tests.engine.contexts import context
from tests.engine.contracts.connections import cosmos, provisioned
from tests.engine.projecting.feeding import stored_event
from tests.engine.toy.guest import (
    DismissGuest,
    GuestArrived,
    GuestLeft,
    InviteGuest,
    SeeOffGuest,
    WelcomeGuest,
)
from tests.engine.toy.read_models.guest_details import GUEST_DETAILS
from tests.engine.toy.read_models.house_visits import HOUSE_VISITS
from tests.engine.toy.registry import CODEC, GUEST
from tests.engine.world import services_over

_DATABASE: Final = "restored"
_GUEST: Final = "guest-g-1"
_GREETING: Final = "greeting-g-1"
_LOOKS_LIKE_A_TIME: Final = "2026-01-02T03:04:05.000Z"
"""The consumers of the feed read an event with such a text again from the store."""


@dataclass
class Process:
    """Has seen events of the guest and of its greeting that `restore` takes away. A peer has seen nothing."""

    store: EventStore
    peer: EventStore
    restore: Callable[[], Awaitable[None]]

    def __post_init__(self) -> None:
        self.bus, self.views = MemoryBus(), MemoryViewStore()
        self.services: Services = services_over(self.store, bus=self.bus, views=self.views)

    async def guest(self, command: Any, key: str) -> None:
        await self.services.commands.handle(GUEST, context(key).to(_GUEST, command))

    async def react(self, event: StoredEvent) -> None:
        await self.services.consumers[REACTION_QUEUE].handle(_reaction(event))

    async def happened_elsewhere(self) -> list[StoredEvent]:
        """Returns the events of the guest after another process has appended to what was left."""
        (invited,) = await self.peer.read(_GUEST)
        later = [
            stored_event(CODEC, _GUEST, 2, GuestArrived("g-1", "hill")),
            stored_event(CODEC, _GUEST, 3, GuestLeft("g-1", "hill", _LOOKS_LIKE_A_TIME)),
        ]
        await self.peer.append(_GUEST, Head(1, invited.metadata.event_id), later)
        return [invited, *later]


def _reaction(event: StoredEvent) -> Received:
    message = event_message(event, message_id=event.metadata.event_id, session_id=_GREETING, vocabulary=3)
    return Received(message.message_id, _GREETING, event.version, message.body, message.properties)


@pytest.fixture(params=["memory", "devstack"])
async def restored(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Process]:
    async with _memory() if request.param == "memory" else _devstack(tmp_path) as process:
        await process.guest(InviteGuest("g-1", "hill", ()), "invite")
        backup = await process.store.read(_GUEST)
        if request.param == "devstack":
            # Its backup is the data of a server that has stopped.
            await process.restore()
        await process.guest(WelcomeGuest(), "welcome")
        await process.guest(DismissGuest("too loud"), "dismiss")
        assert 3 == len(await process.store.read(_GUEST))
        await process.react(backup[0])
        assert 1 == len(await process.store.read(_GREETING))
        await process.restore()
        yield process


@asynccontextmanager
async def _memory() -> AsyncIterator[Process]:
    store = MemoryEventStore()

    async def restore() -> None:
        store.lose(_GUEST, after=1)
        store.lose(_GREETING, after=0)

    yield Process(store, store, restore)


@asynccontextmanager
async def _devstack(folder: Path) -> AsyncIterator[Process]:
    async with _restorable(folder) as (connection, restore), open_client(cosmos(connection)) as client:
        store = CosmosEventStore((await provisioned(client, _DATABASE)).get_container_client(EVENTS.name))
        async with open_client(cosmos(connection)) as other:
            its_events = other.get_database_client(_DATABASE).get_container_client(EVENTS.name)
            yield Process(store, CosmosEventStore(its_events), restore)


@asynccontextmanager
async def _restorable(folder: Path) -> AsyncIterator[tuple[str, Callable[[], Awaitable[None]]]]:
    """Yields the connection string of a server, and what makes its backup the first time, and later restores it."""
    lives, data, backup = AsyncExitStack(), folder / "data", folder / "backup"
    server = await lives.enter_async_context(CosmosServer.start(data=data))

    async def restore() -> None:
        await lives.aclose()
        if backup.exists():
            shutil.rmtree(data)
            shutil.copytree(backup, data)
        else:
            shutil.copytree(data, backup)
        await lives.enter_async_context(CosmosServer.start(port=server.port, data=data))

    try:
        yield server.connection_string, restore
    finally:
        await lives.aclose()


async def test_the_projector_fills_a_hole(restored: Process) -> None:
    events = await restored.happened_elsewhere()
    await restored.services.projector.run(GUEST_DETAILS, to_items(events[2:]))
    view = await restored.views.get("guest-details", ViewKey(f"1~{_GUEST}", f"1~{_GUEST}"))
    assert view is not None
    assert (3, "left") == (view.position, view.document["view"]["status"])


async def test_the_counter_counts(restored: Process) -> None:
    events = await restored.happened_elsewhere()
    await restored.services.counter.run(HOUSE_VISITS, to_items(events[1:]))
    rows = await restored.services.rollups.rows(HOUSE_VISITS, Span(NOON, NOON + timedelta(minutes=1)))
    assert [{"arrivals": 1, "departures": 1}] == [row.sums for row in rows]


async def test_the_relay_sends(restored: Process) -> None:
    events = await restored.happened_elsewhere()
    now = int(utc_now().timestamp())
    await restored.services.relay.run([{**item, "_ts": now} for item in to_items(events[1:])])
    assert ["GuestArrived", "GuestLeft"] == [each.subject for each in restored.bus.sent[EVENT_TOPIC]]


async def test_a_query_for_a_version_is_answered(restored: Process) -> None:
    await restored.happened_elsewhere()
    queries = restored.services.queries
    assert 3 == (await queries.view(GUEST_DETAILS, _GUEST, min_version=3)).version
    assert 3 == len((await queries.events({_GUEST: 0}, 10, min_version=3)).events)
    assert 2 == (await queries.view_at(GUEST_DETAILS, _GUEST, version=2)).version


async def test_a_reaction_is_appended_again(restored: Process) -> None:
    invited = (await restored.peer.read(_GUEST))[0]
    await restored.react(invited)
    assert ["Greeted"] == [each.type for each in await restored.peer.read(_GREETING)]


async def test_a_parked_reaction_is_released(restored: Process) -> None:
    (invited,) = await restored.peer.read(_GUEST)
    parked, consumer = restored.services.parked, restored.services.consumers[REACTION_QUEUE]
    await parked.park(REACTION_QUEUE, _reaction(invited), failure_of(ValueError("no"), 5, utc_now()))

    async def pause(_: float) -> None:
        raise AssertionError("nothing lags")

    released = await Release(parked, utc_now, pause).session(consumer, _GREETING, lambda _: None)
    assert (1, None) == (released.handled, released.error)
    assert ["Greeted"] == [each.type for each in await restored.peer.read(_GREETING)]


async def test_a_command_is_decided_on_what_is_left(restored: Process) -> None:
    await restored.guest(WelcomeGuest(), "welcome again")
    await restored.guest(SeeOffGuest("the sea"), "see off")
    types = [each.type for each in await restored.peer.read(_GUEST)]
    assert ["GuestInvited", "GuestArrived", "GuestLeft"] == types


async def test_views_that_are_read_at_once_are_those_that_are_left(tmp_path: Path) -> None:
    """Each is told that its session is ahead of the store, in two containers, of which only one has answered last."""
    async with _restorable(tmp_path) as (connection, restore), open_client(cosmos(connection)) as client:
        views = CosmosViewStore((await provisioned(client, _DATABASE)).get_container_client)
        kept = {"guest-details": ViewKey("1~a", "1~a"), "house-guests": ViewKey("1~a", "hill")}

        async def put(name: str) -> None:
            for container in kept:
                document = {"id": name, "houseId": "hill", "position": 1}
                key = ViewKey(name, "hill" if container == "house-guests" else name)
                await views.put(container, key, document, None)

        async def read(container: str) -> bool:
            return await views.get(container, kept[container]) is not None

        await put("1~a")
        await restore()
        for lost in ("1~b", "1~c"):
            await put(lost)
        assert [True, True] == [await read(container) for container in kept]
        await restore()

        async def read_again(container: str) -> None:
            for _ in range(5):
                await read(container)

        await asyncio.gather(*(read_again(container) for container in [*kept] * 8))
        assert [True, True] == [await read(container) for container in kept]


async def test_a_page_of_views_is_unavailable_once_and_then_what_is_left(tmp_path: Path) -> None:
    """The SDK keeps one token for the container, and drops it with the error."""
    async with _restorable(tmp_path) as (connection, restore), open_client(cosmos(connection)) as client:
        views = CosmosViewStore((await provisioned(client, _DATABASE)).get_container_client)

        async def put(name: str) -> None:
            document = {"id": name, "houseId": "hill", "sortKey": name, "position": 1}
            await views.put("house-guests", ViewKey(name, "hill"), document, None)

        await put("1~a")
        await restore()
        for lost in ("1~b", "1~c"):
            await put(lost)
        await restore()
        with pytest.raises(Unavailable):
            await views.page("house-guests", "hill", "1", "2", 10)
        assert ["1~a"] == [each["id"] for each in await views.page("house-guests", "hill", "1", "2", 10)]
