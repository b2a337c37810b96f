"""A batch of the feed that asks for ten thousand messages, on a bus that takes few at a time."""

import asyncio
import logging
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

import pytest

from engine.consuming.errors import TransientFailure
from engine.consuming.feed_runner import FeedRunner
from engine.consuming.parked_streams.memory import MemoryParkedStreams
from engine.consuming.parking import Parking
from engine.consuming.throttling import LONGEST
from engine.deciding.process import Issued
from engine.messaging import wire
from engine.messaging.topology import COMMAND_QUEUE, EVENT_TOPIC
from engine.reacting.relay import Relay
from engine.storing.items import to_item
from engine.storing.memory import MemoryEventStore
from engine.testing.times import NOON
from tests.engine.projecting.feeding import stored_event
from tests.engine.reacting.slow_bus import ManualLoop, SlowBus
from tests.engine.toy.greeting import Greeted
from tests.engine.toy.house import ReturnBeds
from tests.engine.toy.registry import CODEC, DOMAIN, ENVELOPES

GUESTS: Final = [f"g-{number}" for number in range(100)]
HOUSES: Final = [f"h-{number}" for number in range(100)]


def item(guest: str) -> Mapping[str, Any]:
    """Returns the item of an event with which the process of a guest issues one command to every house."""
    issued = tuple(Issued("house", house, ReturnBeds(house, guest)) for house in HOUSES)
    event = stored_event(CODEC, f"greeting-{guest}", 1, Greeted(guest, issued))
    return {**to_item(event), "_ts": int(NOON.timestamp())}


BATCH: Final = [item(guest) for guest in GUESTS]


@pytest.fixture(autouse=True)
def many_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaves each command a message of its own: bundles would be two hundred."""
    monkeypatch.setattr(wire, "MOST_IN_A_BUNDLE", 1)


@pytest.fixture
def loop() -> Iterator[ManualLoop]:
    loop = ManualLoop()
    yield loop
    loop.close()


def relay_over(bus: SlowBus, loop: ManualLoop) -> Relay:
    runner = FeedRunner(Parking(MemoryParkedStreams(), loop.clock, loop.time), loop.clock, asyncio.sleep)
    return Relay(MemoryEventStore(), CODEC, ENVELOPES, DOMAIN.processes, bus.adapter, runner)


def assert_each_came_once_in_its_turn(bus: SlowBus, guests: Sequence[str] = GUESTS) -> None:
    assert len(guests) + len(guests) * len(HOUSES) == len(bus.accepted) == len(set(bus.accepted))
    assert all([guest] == bus.guests(EVENT_TOPIC, f"greeting-{guest}") for guest in guests)
    assert all(guests == bus.guests(COMMAND_QUEUE, f"house-{house}") for house in HOUSES)


def test_a_bus_of_400_messages_a_second_gets_all_of_them_in_one_attempt(loop: ManualLoop) -> None:
    bus = SlowBus(rate=400)
    loop.run_until_complete(relay_over(bus, loop).run(BATCH))
    assert_each_came_once_in_its_turn(bus)
    assert timedelta(seconds=25) < loop.clock() - NOON < LONGEST


def test_where_it_is_throttled_it_waits_and_goes_on(loop: ManualLoop) -> None:
    bus = SlowBus(busy=frozenset({1, *range(7, 17), 20}))
    loop.run_until_complete(relay_over(bus, loop).run(BATCH))
    assert_each_came_once_in_its_turn(bus)
    # Two entities are refused six times each, side by side.
    assert timedelta(seconds=25 + 5 * 2) < loop.clock() - NOON < LONGEST


def test_a_batch_that_takes_longer_than_an_attempt_goes_on_in_the_next_one(loop: ManualLoop) -> None:
    bus = SlowBus(rate=15)
    relay = relay_over(bus, loop)
    for _ in range(2):
        begun = loop.clock()
        with pytest.raises(TransientFailure, match="goes on in another attempt"):
            loop.run_until_complete(relay.run(BATCH))
        assert LONGEST < loop.clock() - begun < LONGEST + timedelta(seconds=30)
    loop.run_until_complete(relay.run(BATCH))
    assert_each_came_once_in_its_turn(bus)


def test_a_bus_that_stays_busy_ends_the_attempt_in_time(loop: ManualLoop) -> None:
    bus = SlowBus(busy=frozenset(range(1, 1000)))
    with pytest.raises(TransientFailure, match="too busy"):
        loop.run_until_complete(relay_over(bus, loop).run(BATCH))
    assert LONGEST - timedelta(seconds=5) < loop.clock() - NOON < LONGEST


def test_what_was_sent_whole_is_sent_again_when_the_feed_brings_it_again(loop: ManualLoop) -> None:
    """A host that has lost its lease, or leases that were set back, ask for it."""
    bus = SlowBus()
    relay = relay_over(bus, loop)
    for _ in range(2):
        loop.run_until_complete(relay.run(BATCH[:1]))
    assert ["g-0", "g-0"] == bus.guests(COMMAND_QUEUE, "house-h-0")


def test_what_was_not_accepted_is_sent_in_the_next_attempt(loop: ManualLoop) -> None:
    bus = SlowBus(busy=frozenset(range(1, 1000)))
    relay = relay_over(bus, loop)
    with pytest.raises(TransientFailure):
        loop.run_until_complete(relay.run(BATCH))
    bus.busy = frozenset()
    loop.run_until_complete(relay.run(BATCH))
    assert_each_came_once_in_its_turn(bus)


def test_partitioned_entities_get_one_session_at_a_time_and_refuse_once_each(
    loop: ManualLoop, caplog: pytest.LogCaptureFixture
) -> None:
    bus = SlowBus(partitioned=True)
    relay = relay_over(bus, loop)
    with caplog.at_level(logging.WARNING):
        for part in (BATCH[:10], BATCH[10:20]):
            loop.run_until_complete(relay.run(part))
    assert_each_came_once_in_its_turn(bus, GUESTS[:20])
    told = [record.getMessage().partition(" is ")[0] for record in caplog.records]
    assert ([EVENT_TOPIC, COMMAND_QUEUE], 2) == (told, bus.refused)
    assert 20 + 2 * len(HOUSES) + bus.refused == bus.calls
