"""What consumers have put aside is found by name, whichever kind it is and whoever has put it there."""

import pytest

from engine.consuming.parked.port import Failure, ParkedAlone, ParkedSession
from engine.consuming.parked_streams.port import ParkedStream
from engine.consuming.waiting import NotParked, Waiting, count_of, name_of, waits_for
from engine.messaging.port import Received
from engine.messaging.topology import COMMAND_QUEUE
from engine.testing.times import NOON
from tests.engine.world import World

FEED = "guest-details@1"
FAILURE = Failure("ValueError: no", "Traceback …", 5, NOON)


def stream(stream_id: str, seen: int = 3) -> ParkedStream:
    return ParkedStream(stream_id, 2, seen, 2, "GuestArrived", "failed", "k", "ValueError: no", "T", 5, NOON)


async def parked(world: World, sessions: int = 0, alone: int = 0, streams: int = 0) -> Waiting:
    for number in range(1, sessions + 1):
        message = Received(f"m-{number}", f"guest-g-{number}", number, b"{}")
        await world.parked.park(COMMAND_QUEUE, message, FAILURE)
    for number in range(1, alone + 1):
        await world.parked.park_alone(COMMAND_QUEUE, Received(f"a-{number}", None, number, b"{}"), FAILURE)
    for number in range(1, streams + 1):
        await world.parked_streams.park(FEED, stream(f"guest-g-{number}"))
    return world.services.waiting


def test_every_consumer_is_known() -> None:
    services = World().services
    assert sorted([*services.consumers, *services.feed_consumers]) == services.waiting.consumers
    assert FEED in services.waiting.consumers
    assert COMMAND_QUEUE in services.waiting.consumers


@pytest.mark.parametrize(("most", "sessions", "alone"), [(None, 3, 2), (5, 3, 2), (4, 3, 1), (3, 3, 0), (2, 2, 0)])
async def test_so_many_sessions_and_messages_are_found(most: int | None, sessions: int, alone: int) -> None:
    found = await (await parked(World(), sessions=3, alone=2)).of(COMMAND_QUEUE, most)
    kinds = [type(each) for each in found]
    assert (sessions, alone) == (kinds.count(ParkedSession), kinds.count(ParkedAlone))


@pytest.mark.parametrize(("most", "streams"), [(None, 3), (4, 3), (2, 2)])
async def test_so_many_streams_are_found(most: int | None, streams: int) -> None:
    found = await (await parked(World(), streams=3)).of(FEED, most)
    assert [f"guest-g-{number}" for number in range(1, streams + 1)] == [name_of(each) for each in found]


async def test_a_stream_that_a_lagging_replica_hides_is_found_and_one_that_is_free_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    waiting = await parked(world, streams=2)
    shown = [stream("guest-g-2"), stream("guest-free")]

    async def lagging(*_: object) -> list[ParkedStream]:
        return shown

    monkeypatch.setattr(world.parked_streams, "all", lagging)
    assert ["guest-g-1", "guest-g-2"] == [name_of(each) for each in await waiting.of(FEED)]


async def test_each_is_found_by_its_name() -> None:
    waiting = await parked(World(), sessions=1, alone=1, streams=1)
    for consumer in (COMMAND_QUEUE, FEED):
        for each in await waiting.of(consumer):
            assert name_of(each) == name_of(await waiting.find(consumer, name_of(each)))
            assert "an operator" == waits_for(each)
    assert [1, 1] == [count_of(each) for each in await waiting.of(COMMAND_QUEUE)]
    assert [2] == [count_of(each) for each in await waiting.of(FEED)]


@pytest.mark.parametrize("name", ["guest-g-2", "", "x" * 129])
@pytest.mark.parametrize("consumer", [COMMAND_QUEUE, FEED])
async def test_what_is_not_parked_is_told_as_such(consumer: str, name: str) -> None:
    waiting = await parked(World(), sessions=1, alone=1, streams=1)
    with pytest.raises(NotParked, match=f"^{consumer} has parked nothing named"):
        await waiting.find(consumer, name)


async def test_the_store_is_not_asked_for_a_session_that_the_bus_cannot_have(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cosmos DB refuses ids that are too long, which would look like a defect."""
    world, asked = World(), list[str]()

    async def session(_: str, name: str) -> None:
        asked.append(name)

    monkeypatch.setattr(world.parked, "session", session)
    for length in (128, 129, 10_000):
        with pytest.raises(NotParked):
            await world.services.waiting.find(COMMAND_QUEUE, "x" * length)
    assert ["x" * 128] == asked


async def test_a_consumer_that_there_is_not_is_told_with_those_that_there_are() -> None:
    waiting = World().services.waiting
    for ask in (waiting.of("nobody"), waiting.find("nobody", "guest-g-1")):
        with pytest.raises(NotParked, match="there is no consumer 'nobody'; there are commands, "):
            await ask
