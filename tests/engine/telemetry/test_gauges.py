"""What the timer measures: how far the consumers are behind, what is parked and what is dead."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest
from opentelemetry.metrics import CallbackOptions, Observation

from engine.consuming.dead_letters import MOST_COUNTED
from engine.consuming.parked.port import Failure
from engine.consuming.parked_streams.port import ParkedStream
from engine.errors import Unavailable
from engine.messaging.memory import MemoryBus
from engine.messaging.port import DeadLetter, Message, Received
from engine.messaging.topology import COMMAND_QUEUE, CONSUMERS
from engine.telemetry import spans
from engine.telemetry.last_values import LAST_FOR, LastValues
from engine.testing.times import NOON
from tests.engine.contexts import context
from tests.engine.houses import HOUSE_STREAM
from tests.engine.telemetry.functions import every_minute
from tests.engine.telemetry.kept import Kept
from tests.engine.toy.house import AddBeds
from tests.engine.toy.registry import HOUSE, READ_MODELS
from tests.engine.world import World

FEED = {*(each.name for each in READ_MODELS), "relay"}
ALL = "eventsourcing."
FAILURE = Failure("no", "trace", 1, NOON)


def leased(world: World, consumer: str, continuation: str | None) -> None:
    renewed = world.now.replace(tzinfo=None).isoformat() + "Z"
    world.change_feed.documents.append(
        {
            "id": f"{consumer}-{world.change_feed.of}0",
            "FeedRange": {"Range": {"min": "", "max": "FF"}},
            "Owner": "host",
            "ContinuationToken": continuation,
            "timestamp": renewed,
        }
    )


@pytest.fixture
async def world() -> World:
    """Of two events, the relay has handled one, and the others both."""
    world = World()
    for key in ("k-1", "k-2"):
        await world.commands.handle(HOUSE, context(key).to(HOUSE_STREAM, AddBeds("hill", 1)))
    for each in FEED:
        leased(world, each, '"1"' if each == "relay" else '"2"')
    return world


def told(kept: Kept, name: str, attribute: str = "consumer.name") -> Mapping[str, float]:
    return {str(attributes[attribute]): value for attributes, value in kept.measured(f"{ALL}{name}")}


class TestWhatIsMeasured:
    async def test_the_lag_of_each_consumer_of_the_feed_in_appends_and_in_seconds(
        self, world: World, kept: Kept
    ) -> None:
        world.now += timedelta(seconds=30)
        await every_minute(world)
        nothing = dict.fromkeys(FEED, 0)
        assert {**nothing, "relay": 1} == told(kept, "feed.lag.appends")
        assert {**nothing, "relay": 30} == told(kept, "feed.lag.duration")
        ((attributes, _), *_) = kept.measured(f"{ALL}feed.lag.appends")
        assert attributes["messaging.destination.partition.id"] == "00-FF"

    async def test_a_partition_without_a_lease_has_no_lag_and_is_counted_as_such(
        self, world: World, kept: Kept
    ) -> None:
        world.change_feed.documents[:] = [
            each for each in world.change_feed.documents if not each["id"].startswith("relay")
        ]
        await every_minute(world)
        assert "relay" not in told(kept, "feed.lag.duration")
        assert {"owned": len(FEED) - 1, "missing": 1} == {
            state: sum(count for each, count in kept.measured(f"{ALL}feed.partitions") if each["lease.state"] == state)
            for state in ("owned", "missing")
        }

    async def test_what_is_parked_by_consumer(self, world: World, kept: Kept) -> None:
        parked = ParkedStream("house-2", 1, 1, 1, "BedsAdded", "failed", "k", "no", "trace", 5, NOON)
        await world.parked_streams.park("relay", parked)
        await world.parked.park("commands", Received("m-1", "house-1", 1, b"{}"), FAILURE)
        await world.parked.park_alone("commands", Received("m-2", None, 2, b"{}"), FAILURE)
        await every_minute(world)
        nothing = dict.fromkeys((*world.services.feed_consumers, *world.services.consumers), 0)
        assert {**nothing, "relay": 1, "commands": 2} == told(kept, "parked")

    async def test_the_dead_letters_of_each_entity(self, world: World, kept: Kept) -> None:
        await bury(world.bus, COMMAND_QUEUE, 3)
        await every_minute(world)
        assert {**dict.fromkeys(CONSUMERS, 0), COMMAND_QUEUE: 3} == dead(kept)

    async def test_there_is_a_most_of_dead_letters_that_are_counted(self, world: World, kept: Kept) -> None:
        await bury(world.bus, COMMAND_QUEUE, MOST_COUNTED + 1)
        await every_minute(world)
        assert MOST_COUNTED == dead(kept)[COMMAND_QUEUE]

    async def test_a_bus_that_gives_few_at_once_is_asked_until_all_are_counted(self, kept: Kept) -> None:
        world = World(bus=Sparing())
        await bury(world.bus, COMMAND_QUEUE, 5)
        await every_minute(world)
        assert 5 == dead(kept)[COMMAND_QUEUE]


class TestWhatItCosts:
    async def test_nothing_is_looked_at_where_nothing_is_exported(self) -> None:
        await every_minute(World(bus=Unasked()))

    async def test_what_is_asked_for_a_measurement_is_no_span(self, kept: Kept) -> None:
        await every_minute(World(bus=Traced()))
        assert ["release newer"] == [each.name for each in kept.spans]

    async def test_what_is_away_is_not_measured_and_fails_nothing(
        self, kept: Kept, caplog: pytest.LogCaptureFixture
    ) -> None:
        await every_minute(World(bus=Away()))
        assert {} == dead(kept)
        assert told(kept, "parked")
        assert all(f"{entity} of Service Bus is not well: no answer" in caplog.text for entity in CONSUMERS)


class Sparing(MemoryBus):
    async def dead_letters(self, entity: str, after: int, limit: int) -> Sequence[DeadLetter]:
        return await super().dead_letters(entity, after, min(limit, 2))


class Traced(MemoryBus):
    """Requests are in spans, as those of the transport of Cosmos DB are."""

    async def dead_letters(self, entity: str, after: int, limit: int) -> Sequence[DeadLetter]:
        with spans.span("look", kind="client"):
            return await super().dead_letters(entity, after, limit)


class Away(MemoryBus):
    async def dead_letters(self, entity: str, after: int, limit: int) -> Sequence[DeadLetter]:
        raise Unavailable("no answer")


class Unasked(MemoryBus):
    async def dead_letters(self, entity: str, after: int, limit: int) -> Sequence[DeadLetter]:
        raise AssertionError(entity)


async def bury(bus: MemoryBus, queue: str, count: int) -> None:
    messages = [Message(f"m-{number}", "house-1", "AddBeds", b"{}", "c") for number in range(count)]
    await bus.send(queue, messages)
    for received in bus.deliver(queue):
        bus.bury(queue, received, "MaxDeliveryCountExceeded", "")


def dead(kept: Kept) -> Mapping[str, float]:
    return told(kept, "dead_letters", "messaging.destination.name")


def test_a_gauge_stands_until_nobody_has_set_it_for_a_while() -> None:
    now = 0.0
    values = LastValues(lambda: now)
    values.set(5, {"consumer.name": "relay"})
    now = 60.0
    values.set(1, {"consumer.name": "guests"})
    now = LAST_FOR - 1
    # Each exporter asks for itself.
    for _ in range(2):
        assert {"relay": 5, "guests": 1} == observed(values)
    now = LAST_FOR
    assert {"guests": 1} == observed(values)
    values.set(7, {"consumer.name": "guests"})
    assert {"guests": 7} == observed(values)


def observed(values: LastValues) -> Mapping[Any, float]:
    found: Sequence[Observation] = [*values.observed(CallbackOptions())]
    return {(each.attributes or {})["consumer.name"]: each.value for each in found}
