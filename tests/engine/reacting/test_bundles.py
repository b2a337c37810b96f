"""Commands that a batch of the feed issues for one stream travel together; each takes effect once and in order."""

import asyncio
import itertools
import json
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from random import Random
from typing import Any, Final

import pytest
from azure.servicebus import ServiceBusMessageBatch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.consuming.errors import TransientFailure
from engine.consuming.messages import Delivery
from engine.deciding.process import Issued
from engine.errors import Unavailable
from engine.messaging.memory import MemoryBus
from engine.messaging.port import Message, Received
from engine.messaging.servicebus import BATCH_BYTES, _fits
from engine.messaging.topology import COMMAND_QUEUE
from engine.messaging.wire import MOST_IN_A_BUNDLE
from engine.storing.events import StoredEvent
from engine.storing.items import to_item
from engine.storing.memory import MemoryEventStore
from engine.storing.port import Appended, Head
from engine.testing.times import NOON
from tests.engine.projecting.feeding import stored_event
from tests.engine.toy.greeting import Greeted
from tests.engine.toy.house import BedsAdded, BedsReturned, BedsTaken, ReturnBeds
from tests.engine.toy.registry import CODEC
from tests.engine.world import World

HILL: Final = "house-hill"


def item(guest: str, *issued: Issued[Any]) -> Mapping[str, Any]:
    """Returns the item of an event with which the process of a guest issues commands."""
    event = stored_event(CODEC, f"greeting-{guest}", 1, Greeted(guest, issued))
    return {**to_item(event), "_ts": int(NOON.timestamp())}


def to_house(house: str, number: int, after_seconds: int = 0) -> Issued[Any]:
    return Issued("house", house, ReturnBeds(house, str(number)), after_seconds)


def feed(count: int) -> list[Mapping[str, Any]]:
    """Returns items with commands that are numbered by their guests: one to the mill, and two to the hill."""
    return [
        item(f"g-{n}", to_house("hill", 2 * n - 1), to_house("mill", n), to_house("hill", 2 * n))
        for n in range(1, count + 1)
    ]


def numbers(*messages: Message) -> list[int]:
    """Returns the numbers of all commands in the messages, in their order."""
    bodies = [json.loads(each.body) for each in messages]
    return [int(member["data"]["guestId"]) for body in bodies for member in body.get("commands", [body])]


async def sent_of(*items: Mapping[str, Any]) -> list[Message]:
    world = World()
    await world.relay.run(items)
    return world.bus.sent[COMMAND_QUEUE]


class TestWhatTravels:
    async def test_commands_for_one_stream_are_one_message_in_the_order_of_the_feed(self) -> None:
        hill, mill = await sent_of(*feed(3))
        assert (HILL, [1, 2, 3, 4, 5, 6]) == (hill.session_id, numbers(hill))
        assert ("house-mill", [1, 2, 3]) == (mill.session_id, numbers(mill))
        vocabulary = World().relay.envelopes.vocabulary
        assert {"schema": 2, "traceparent": "t", "vocabulary": vocabulary} == hill.properties
        assert {"schema", "commands"} == json.loads(hill.body).keys()

    async def test_its_id_follows_from_those_of_its_commands(self) -> None:
        (first, _), (again, _), (longer, _) = [await sent_of(*feed(count)) for count in (2, 2, 3)]
        assert first.message_id == again.message_id != longer.message_id

    async def test_a_command_that_is_alone_stays_as_it_was(self) -> None:
        (hill,) = await sent_of(item("g-1", to_house("hill", 1)))
        body = json.loads(hill.body)
        assert (1, 1, "ReturnBeds") == (body["schema"], hill.properties["schema"], hill.subject)
        assert hill.message_id == body["commandId"]

    async def test_a_command_that_is_due_later_travels_alone(self) -> None:
        later = to_house("hill", 2, after_seconds=60)
        bundle, alone = await sent_of(item("g-1", to_house("hill", 1), later, to_house("hill", 3)))
        assert ([1, 3], None, [2]) == (numbers(bundle), bundle.due, numbers(alone))
        assert alone.due is not None

    async def test_a_bundle_holds_so_many_commands(self) -> None:
        many = [to_house("hill", number) for number in range(2 * MOST_IN_A_BUNDLE + 1)]
        sent = await sent_of(item("g-1", *many))
        assert [MOST_IN_A_BUNDLE, MOST_IN_A_BUNDLE, 1] == [len(numbers(each)) for each in sent]
        assert [*range(2 * MOST_IN_A_BUNDLE + 1)] == numbers(*sent)

    async def test_a_bundle_fits_into_a_batch_of_the_bus(self) -> None:
        sizes = [100, 90_000, 90_000, 1_000, 175_000, 100, 184_000, 200_000, 100, 100]
        large = [Issued("house", "hill", ReturnBeds("hill", f"{n:<{size}}")) for n, size in enumerate(sizes)]
        sent = await sent_of(*(item(f"g-{number}", each) for number, each in enumerate(large)))
        assert [[0, 1, 2, 3], [4, 5], [6], [7], [8, 9]] == [numbers(each) for each in sent]
        for message in sent:
            if message.subject == "Bundle":
                assert _fits(ServiceBusMessageBatch(BATCH_BYTES), message)


class Steps:
    """Counts the steps of all processes; at those in `fatal` the process dies: it does nothing more, ever."""

    def __init__(self, fatal: Collection[int] = (), failing: Collection[int] = ()) -> None:
        self.taken = 0
        self._fatal, self._failing = fatal, failing
        self._died = asyncio.Event()
        self._never: list[asyncio.Event] = []

    async def step(self) -> None:
        self.taken += 1
        if self.taken in self._failing:
            raise Unavailable("away")
        if self.taken in self._fatal:
            self._died.set()
            self._never.append(asyncio.Event())
            await self._never[-1].wait()

    async def survives(self, work: Awaitable[None]) -> bool:
        """Returns whether the process has lived until the work was done."""
        self._died.clear()
        working, dying = asyncio.ensure_future(work), asyncio.ensure_future(self._died.wait())
        await asyncio.wait({working, dying}, return_when=asyncio.FIRST_COMPLETED)
        died = not working.done()
        working.cancel()
        dying.cancel()
        await asyncio.gather(working, dying, return_exceptions=True)
        if not died:
            working.result()
        return not died


class Store(MemoryEventStore):
    def __init__(self, steps: Steps) -> None:
        super().__init__()
        self._steps = steps

    async def append(self, stream_id: str, expected: Head, events: Sequence[StoredEvent]) -> Appended:
        await self._steps.step()
        appended = await super().append(stream_id, expected, events)
        await self._steps.step()
        return appended

    async def look_up(self, stream_id: str, after: int, command_ids: Collection[str]) -> Sequence[StoredEvent]:
        found = await super().look_up(stream_id, after, command_ids)
        await self._steps.step()
        return found


class Bus(MemoryBus):
    """Takes three messages at once."""

    def __init__(self, steps: Steps) -> None:
        super().__init__()
        self._steps = steps

    async def send(self, entity: str, messages: Sequence[Message]) -> Sequence[Message]:
        await self._steps.step()
        accepted = await super().send(entity, messages[:3])
        await self._steps.step()
        return accepted


class Life:
    """Relays the feed in batches of any size and delivers what was sent; what has died is started anew."""

    def __init__(self, items: Sequence[Mapping[str, Any]], steps: Steps, chance: Random) -> None:
        self.steps, self._chance = steps, chance
        self.world = World(store=Store(steps), bus=Bus(steps))
        self._items = list(items)
        self._process = self.world.another_process()
        self._waiting: list[tuple[Received, int]] = []

    async def run(self) -> None:
        """Lets every house have taken in its guests before."""
        for house in ("hill", "mill"):
            stream_id, taken = f"house-{house}", [BedsTaken(house, str(number), 1) for number in range(1, 25)]
            events = [stored_event(CODEC, stream_id, *each) for each in enumerate([BedsAdded(house, 24), *taken], 1)]
            await MemoryEventStore.append(self.world.store, stream_id, Head(0, ""), events)
        while self._items or self._waiting:
            if self._items:
                await self._relay(self._items[: self._chance.randint(1, 4)])
            arrived = self.world.bus.deliver(COMMAND_QUEUE)
            self._waiting += [(message, 1) for message in arrived]
            for _ in range(self._chance.randint(0, 4)):
                await self._deliver()

    async def _relay(self, batch: Sequence[Mapping[str, Any]]) -> None:
        try:
            if await self.steps.survives(self._process.relay.run(batch)):
                del self._items[: len(batch)]
            else:
                self._process = self.world.another_process()
        except TransientFailure:
            return  # the same process may get another batch, from the same position

    async def _deliver(self) -> None:
        """Delivers the first message of any session."""
        firsts = {message.session_id: index for index, (message, _) in reversed([*enumerate(self._waiting)])}
        if not firsts:
            return
        index = self._chance.choice([*firsts.values()])
        message, deliveries = self._waiting[index]
        try:
            if await self.steps.survives(self._handle(message, deliveries)):
                del self._waiting[index]
                return
            self._process = self.world.another_process()
        except Unavailable:
            pass  # it was handled, but could not be completed
        self._waiting[index] = (message, deliveries + 1)

    async def _handle(self, message: Received, deliveries: int) -> None:
        received, process = replace(message, deliveries=deliveries), self._process
        await self.world.retry_policy.retry(
            "a message", lambda: process.messages.attempt(process.consumers[COMMAND_QUEUE], Delivery(received))
        )
        await self.steps.step()  # handled, and not completed yet


async def assert_each_took_effect_once_and_in_its_turn(world: World, count: int) -> None:
    for house, last in (("hill", 2 * count), ("mill", count)):
        returned = [BedsReturned(house, str(number), 1) for number in range(1, last + 1)]
        assert returned == (await world.events(f"house-{house}"))[25:]
    assert frozenset() == await world.parked.sessions(COMMAND_QUEUE)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32), st.sets(st.integers(1, 80), max_size=8), st.sets(st.integers(1, 80), max_size=8))
def test_whatever_the_split_and_whoever_dies_each_command_takes_effect_once_and_in_its_turn(
    seed: int, fatal: set[int], failing: set[int]
) -> None:
    async def lived() -> None:
        life = Life(feed(12), Steps(fatal, failing), Random(seed))
        await life.run()
        await assert_each_took_effect_once_and_in_its_turn(life.world, 12)

    asyncio.run(lived())


def test_a_death_between_any_two_steps_and_another_split_after_it() -> None:
    async def lived(step: int) -> int:
        steps = Steps({step})
        life = Life(feed(12), steps, Random(step))
        await life.run()
        await assert_each_took_effect_once_and_in_its_turn(life.world, 12)
        return steps.taken

    for step in itertools.count(1):
        if asyncio.run(lived(step)) < step:
            break
    assert step > 30


async def test_what_the_bus_has_accepted_is_not_sent_again_under_another_split(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    send: Callable[..., Awaitable[Sequence[Message]]] = world.bus.send
    left = [1, 0, 1, 9]

    async def takes_few(entity: str, messages: Sequence[Message]) -> Sequence[Message]:
        if entity != COMMAND_QUEUE:
            return await send(entity, messages)
        if not (few := left.pop(0)):
            raise Unavailable("away")
        return await send(entity, messages[:few])

    monkeypatch.setattr(world.bus, "send", takes_few)
    with pytest.raises(TransientFailure, match="waits for the bus"):
        await world.relay.run(feed(2))
    await world.relay.run(feed(4))
    assert [[1, 2, 3, 4], [1, 2, 3, 4], [5, 6, 7, 8]] == [numbers(each) for each in world.bus.sent[COMMAND_QUEUE]]
    assert not world.relay._accepted
