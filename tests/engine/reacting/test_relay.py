"""From the change feed to the bus, and on to a process: nothing lost, in order, and once in effect."""

import asyncio
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from engine.consuming.errors import TransientFailure
from engine.consuming.parked.known import KEPT_FOR
from engine.consuming.parking import unhandled
from engine.consuming.throttling import LONGEST
from engine.errors import Throttled, Unavailable
from engine.messaging.memory import MAX_BYTES, MemoryBus
from engine.messaging.port import Message, Received
from engine.messaging.topology import COMMAND_QUEUE, EVENT_TOPIC, REACTION_QUEUE
from engine.reacting.relay import OLDEST, ReplayRefused
from engine.storing import pages
from engine.storing.events import StoredEvent
from tests.engine.contexts import TRACE, context
from tests.engine.toy.greeting import Greeted, Reminded
from tests.engine.toy.guest import (
    DismissGuest,
    GuestDismissed,
    GuestInvited,
    InviteGuest,
    SeeOffGuest,
    WelcomeGuest,
    Wish,
)
from tests.engine.toy.house import AddBeds, BedsReturned, TakeBeds
from tests.engine.toy.registry import GUEST, HOUSE
from tests.engine.world import World

WISHES = (Wish("a window", 1),)


@pytest.fixture
def world() -> World:
    return World()


async def invite(world: World, guest_id: str = "g-1") -> None:
    command = InviteGuest(guest_id, "hill", WISHES)
    await world.commands.handle(GUEST, context(f"invite-{guest_id}").to(f"guest-{guest_id}", command))


async def test_every_event_goes_to_the_topic_in_the_order_of_its_stream(world: World) -> None:
    await invite(world)
    await world.commands.handle(GUEST, context("c-2").to("guest-g-1", WelcomeGuest()))
    await world.commands.handle(HOUSE, context("c-3").to("house-hill", AddBeds("hill", 3)))
    items = await world.feed()
    random.Random(3).shuffle(items)
    await world.relay.run(items)
    sent = world.bus.sent[EVENT_TOPIC]
    of_the_guest = [message.subject for message in sent if message.session_id == "guest-g-1"]
    assert ["GuestInvited", "GuestArrived"] == of_the_guest
    assert ["BedsAdded"] == [message.subject for message in sent if message.session_id == "house-hill"]
    stored = await world.store.read("guest-g-1")
    first = next(message for message in sent if message.subject == "GuestInvited")
    assert (stored[0].metadata.event_id, "invite-g-1") == (first.message_id, first.correlation_id)
    assert {"traceparent": TRACE, "schema": 1, "vocabulary": 3} == first.properties
    assert 1 == json.loads(first.body)["version"]


async def test_an_event_that_a_process_reacts_to_goes_to_its_session(world: World) -> None:
    await invite(world)
    await world.commands.handle(GUEST, context("c-2").to("guest-g-1", WelcomeGuest()))
    await world.relay.run(await world.feed())
    (message,) = world.bus.sent[REACTION_QUEUE]
    event_id = (await world.store.read("guest-g-1"))[0].metadata.event_id
    assert (f"{event_id}/greeting", "greeting-g-1") == (message.message_id, message.session_id)


async def test_issued_commands_go_to_their_targets_and_wake_ups_to_their_process_when_they_are_due(
    world: World,
) -> None:
    await invite(world)
    await world.relay.run(await world.feed())
    await world.deliver(REACTION_QUEUE)
    await world.relay.run(await world.feed())
    (dismiss,) = world.bus.sent[COMMAND_QUEUE]
    (greeted,) = await world.store.read("greeting-g-1")
    assert ("guest-g-1", "DismissGuest") == (dismiss.session_id, dismiss.subject)
    assert greeted.metadata.occurred_at + timedelta(seconds=60) == dismiss.due
    wake_up = world.bus.sent[REACTION_QUEUE][-1]
    assert ("greeting-g-1", "Remind") == (wake_up.session_id, wake_up.subject)
    assert greeted.metadata.occurred_at + timedelta(seconds=30) == wake_up.due


@dataclass
class Meeting(MemoryBus):
    """A bus that takes nothing for one of `those` before all of them are there; it accepts once it `accepts`."""

    those: frozenset[str]
    fails: str = ""
    left: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self.all_there = asyncio.Barrier(len(self.those))
        self.accepts = asyncio.Event()
        self.accepts.set()

    async def send(self, entity: str, messages: Sequence[Message]) -> Sequence[Message]:
        if not messages or entity not in self.those:
            return await super().send(entity, messages)
        try:
            await self.all_there.wait()
            if entity == self.fails:
                raise Unavailable("away")
            await self.accepts.wait()
            return await super().send(entity, messages)
        finally:
            self.left.append(entity)


class TestSideBySide:
    """The invitation goes to the topic and to the process that reacts to it."""

    BOTH = frozenset({EVENT_TOPIC, REACTION_QUEUE})

    async def test_no_entity_waits_for_another_one(self) -> None:
        world = World(bus=Meeting(self.BOTH))
        await invite(world)
        async with asyncio.timeout(10):
            await world.relay.run(await world.feed())
        assert [1, 1] == [len(world.bus.sent[entity]) for entity in self.BOTH]

    async def test_what_one_accepts_is_not_sent_again_because_another_one_fails(self) -> None:
        bus = Meeting(self.BOTH | {"the test"}, fails=EVENT_TOPIC)
        world = World(bus=bus)
        await invite(world)
        feed = await world.feed()
        bus.accepts.clear()
        relaying = asyncio.create_task(world.relay.run(feed))
        await bus.all_there.wait()
        for _ in range(10):
            await asyncio.sleep(0)
        assert ([EVENT_TOPIC], False) == (bus.left, relaying.done())
        bus.accepts.set()
        with pytest.raises(TransientFailure, match="away"):
            await relaying
        bus.those = frozenset()
        await world.relay.run(feed)
        assert [1, 1] == [len(world.bus.sent[entity]) for entity in self.BOTH]

    async def test_nothing_is_under_way_once_it_was_cancelled(self) -> None:
        bus = Meeting(self.BOTH | {"the test"})
        bus.accepts.clear()
        world = World(bus=bus)
        await invite(world)
        relaying = asyncio.create_task(world.relay.run(await world.feed()))
        await bus.all_there.wait()
        relaying.cancel()
        with pytest.raises(asyncio.CancelledError):
            await relaying
        assert sorted(self.BOTH) == sorted(bus.left)


async def test_what_is_due_already_is_sent_at_once(world: World) -> None:
    await invite(world)
    await world.relay.run(await world.feed())
    await world.deliver(REACTION_QUEUE)
    world.now += timedelta(hours=1)
    await world.relay.run(await world.feed())
    assert [None] == [message.due for message in world.bus.sent[COMMAND_QUEUE]]


async def test_a_command_without_a_delay_is_sent_at_once_and_carried_out(world: World) -> None:
    await world.commands.handle(HOUSE, context("c-1").to("house-hill", AddBeds("hill", 3)))
    await world.commands.handle(HOUSE, context("c-2").to("house-hill", TakeBeds("hill", "g-1", 2)))
    await invite(world)
    await world.commands.handle(GUEST, context("c-3").to("guest-g-1", WelcomeGuest()))
    await world.commands.handle(GUEST, context("c-4").to("guest-g-1", SeeOffGuest("the sea")))
    await world.settle()
    (given_back,) = [each for each in world.bus.sent[COMMAND_QUEUE] if each.subject == "ReturnBeds"]
    assert ("house-hill", None) == (given_back.session_id, given_back.due)
    assert BedsReturned("hill", "g-1", 2) == (await world.events("house-hill"))[-1]


async def test_one_trace_and_one_correlation_lead_from_the_command_to_what_follows(world: World) -> None:
    await invite(world)
    await world.settle()
    invited, dismissed = await world.store.read("guest-g-1")
    greeted, reminded = await world.store.read("greeting-g-1")
    story = (invited, greeted, reminded, dismissed)
    assert {TRACE} == {event.metadata.traceparent for event in story}
    assert {"invite-g-1"} == {event.metadata.correlation_id for event in story}
    assert invited.metadata.event_id == greeted.metadata.causation_id
    assert {greeted.metadata.event_id} == {reminded.metadata.causation_id, dismissed.metadata.causation_id}
    assert "greeting" == dismissed.metadata.actor


@pytest.mark.parametrize("seed", range(20))
async def test_whatever_comes_twice_the_effect_is_the_same(world: World, seed: int) -> None:
    """Batches of the feed and messages are repeated, those of different sessions in any order."""
    chance = random.Random(seed)
    await invite(world, "g-1")
    await invite(world, "g-2")
    while items := await world.feed():
        for _ in range(chance.randint(1, 3)):
            await world.relay.run(items)
        for queue in chance.sample([COMMAND_QUEUE, REACTION_QUEUE], 2):
            messages = world.bus.deliver(queue)
            again = [message for message in messages for _ in range(chance.randint(1, 2))]
            if again:
                await world.deliver(queue, *again)
    for guest_id in ("g-1", "g-2"):
        assert [
            GuestInvited(guest_id, "hill", WISHES),
            GuestDismissed(guest_id, "hill", "nobody came"),
        ] == await world.events(f"guest-{guest_id}")
        assert [Greeted, Reminded] == [type(each) for each in await world.events(f"greeting-{guest_id}")]


async def test_a_batch_that_failed_half_way_goes_on_there_and_another_process_sends_it_whole(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await invite(world)
    items = await world.feed()
    send = world.bus.send

    async def away_for_reactions(entity: str, messages: list[Message]) -> Sequence[Message]:
        if entity == REACTION_QUEUE:
            raise Unavailable("away")
        return await send(entity, messages)

    with monkeypatch.context() as patched:
        patched.setattr(world.bus, "send", away_for_reactions)
        with pytest.raises(TransientFailure, match="waits for the bus"):
            await world.relay.run(items)
    await world.relay.run(items)
    assert (1, 1) == (len(world.bus.sent[EVENT_TOPIC]), len(world.bus.sent[REACTION_QUEUE]))
    await world.another_process().relay.run(items)
    assert (2, 2) == (len(world.bus.sent[EVENT_TOPIC]), len(world.bus.sent[REACTION_QUEUE]))


async def test_a_read_that_is_throttled_is_waited_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await invite(world)
    await world.commands.handle(GUEST, context("c-2").to("guest-g-1", DismissGuest("2026-01-02T03:04:05.000Z")))
    read, refused = world.store.read, [Throttled("429", 2.5), Throttled("429", 0.5)]

    async def throttled(stream_id: str, after: int, limit: int) -> Sequence[StoredEvent]:
        if refused:
            raise refused.pop()
        return await read(stream_id, after, limit)

    monkeypatch.setattr(world.store, "read", throttled)
    monkeypatch.setattr(pages, "_TRIES", 1)
    await world.relay.run(await world.feed())
    assert ([0.5, 2.5], 2) == (world.pauses, len(world.bus.sent[EVENT_TOPIC]))


async def test_a_read_that_stays_throttled_holds_back_its_stream_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await invite(world)
    await world.commands.handle(GUEST, context("c-2").to("guest-g-1", DismissGuest("2026-01-02T03:04:05.000Z")))
    await world.commands.handle(HOUSE, context("c-3").to("house-hill", AddBeds("hill", 3)))
    items, began = await world.feed(), world.now

    async def throttled(*_: object) -> Sequence[StoredEvent]:
        raise Throttled("429", 2.5)

    with monkeypatch.context() as patched:
        patched.setattr(world.store, "read", throttled)
        patched.setattr(pages, "_TRIES", 1)
        with pytest.raises(TransientFailure, match="waits with stream guest-g-1: 429"):
            await world.relay.run(items)
    assert timedelta(0) < world.now - began <= LONGEST / 2
    assert ["BedsAdded"] == [message.subject for message in world.bus.sent[EVENT_TOPIC]]
    await world.relay.run(items)
    sent = [message.subject for message in world.bus.sent[EVENT_TOPIC]]
    assert ["BedsAdded", "GuestInvited", "GuestDismissed"] == sent


async def test_a_text_that_the_host_has_re_written_is_sent_as_it_was_written(world: World) -> None:
    text = "2026-01-02T03:04:05.000Z"
    await invite(world)
    await world.commands.handle(GUEST, context("c-2").to("guest-g-1", DismissGuest(text)))
    items: list[Any] = [
        {**item, "data": {**item["data"], "reason": "2026-01-02T03:04:05Z"}} if item["version"] == 2 else item
        for item in await world.feed()
    ]
    await world.relay.run(items)
    bodies = [json.loads(message.body) for message in world.bus.sent[EVENT_TOPIC]]
    assert [1, 2] == [body["version"] for body in bodies]
    assert text == bodies[1]["data"]["reason"]


async def test_a_stream_that_cannot_be_sent_is_parked_and_all_else_is_sent(world: World) -> None:
    await invite(world)
    await world.commands.handle(HOUSE, context("c-3").to("house-hill", AddBeds("hill", 3)))
    item, other = await world.feed()
    for bad, why in (({**item, "type": "GuestPraised"}, "newer"), ({**item, "data": {}}, "failed")):
        await world.relay.run([bad, other])
        parked = await world.parked_streams.get("relay", "guest-g-1")
        assert parked is not None
        assert why == parked.why
        await world.parked_streams.free("relay", parked)
    assert ["house-hill"] * 2 == [message.session_id for message in world.bus.sent[EVENT_TOPIC]]


class TestParked:
    """The second of three events cannot be read for a while."""

    @pytest.fixture
    async def items(self, world: World) -> list[Mapping[str, Any]]:
        await invite(world)
        await world.commands.handle(GUEST, context("c-2").to("guest-g-1", WelcomeGuest()))
        await world.commands.handle(GUEST, context("c-3").to("guest-g-1", SeeOffGuest("the sea")))
        return await world.feed()

    async def test_later_events_do_not_overtake_and_a_release_sends_from_there_on(
        self, world: World, items: list[Mapping[str, Any]]
    ) -> None:
        first, second, third = items
        await world.relay.run([first])
        await world.relay.run([{**second, "data": {}}])
        await world.another_process().relay.run([third])
        assert ["GuestInvited"] == [message.subject for message in world.bus.sent[EVENT_TOPIC]]
        released = await world.services.automatic.release.stream(world.relay.consumer, "guest-g-1", lambda _: None)
        assert (2, None) == (released.handled, released.error)
        sent = [message.subject for message in world.bus.sent[EVENT_TOPIC]]
        assert ["GuestInvited", "GuestArrived", "GuestLeft"] == sent

    async def test_a_release_sends_events_of_any_age(self, world: World, items: list[Mapping[str, Any]]) -> None:
        await world.relay.run([{**items[0], "data": {}}])
        world.now += 2 * OLDEST
        released = await world.services.automatic.release.stream(world.relay.consumer, "guest-g-1", lambda _: None)
        assert (3, None) == (released.handled, released.error)

    async def test_a_batch_is_held_until_everybody_knows_of_the_stream(
        self, world: World, items: list[Mapping[str, Any]]
    ) -> None:
        """Another host has read just before that nothing is parked."""
        first, second, third = items
        other = world.another_process().relay
        await other.run([first])
        await world.relay.run([{**second, "data": {}}])
        assert KEPT_FOR == world.pauses[-1]
        await other.run([third])
        assert ["GuestInvited"] == [message.subject for message in world.bus.sent[EVENT_TOPIC]]

    async def test_a_batch_that_comes_again_after_a_crash_is_held_as_well(
        self, world: World, items: list[Mapping[str, Any]]
    ) -> None:
        """It has crashed when the stream was parked and the batch not held yet."""
        first, second, third = items
        other = world.another_process().relay
        await other.run([first])
        await world.parked_streams.park("relay", unhandled("guest-g-1", [second], ValueError("no"), 5, world.now))
        await world.relay.run([second])
        assert [KEPT_FOR] == world.pauses
        await other.run([third])
        assert ["GuestInvited"] == [message.subject for message in world.bus.sent[EVENT_TOPIC]]

    async def test_a_batch_with_an_event_of_a_stream_that_is_parked_for_longer_is_not_held(
        self, world: World, items: list[Mapping[str, Any]]
    ) -> None:
        await world.relay.run([{**items[0], "data": {}}])
        before = len(world.pauses)
        for item in items[1:]:
            await world.relay.run([item])
        assert [] == world.pauses[before:]

    async def test_a_message_that_the_bus_does_not_carry_parks_its_stream_and_nothing_more_is_sent_of_it(
        self, world: World
    ) -> None:
        await invite(world)
        await world.commands.handle(GUEST, context("c-2").to("guest-g-1", DismissGuest("rude")))
        world.store.rewrite("guest-g-1", 2, {"guestId": "g-1", "houseId": "hill", "reason": "x" * MAX_BYTES})
        await invite(world, "g-2")
        await world.commands.handle(HOUSE, context("c-3").to("house-hill", AddBeds("hill", 3)))
        await world.relay.run(await world.feed())
        sent = [(message.session_id, message.subject) for message in world.bus.sent[EVENT_TOPIC]]
        assert [("guest-g-1", "GuestInvited"), ("guest-g-2", "GuestInvited"), ("house-hill", "BedsAdded")] == sent
        parked = await world.parked_streams.get("relay", "guest-g-1")
        assert parked is not None
        assert (2, "GuestDismissed", KEPT_FOR) == (parked.version, parked.type, world.pauses[-1])
        released = await world.services.automatic.release.stream(world.relay.consumer, "guest-g-1", lambda _: None)
        assert released.error is not None


class TestAge:
    """A relay whose leases were emptied begins with the first event of all: nothing so old is sent unasked."""

    async def test_old_events_are_not_sent_unasked(self, world: World) -> None:
        await invite(world)
        items = await world.feed()
        world.now += OLDEST + timedelta(seconds=1)
        with pytest.raises(ReplayRefused, match="RELAY_REPLAY_UNTIL"):
            await world.relay.run(items)
        assert [] == world.bus.sent[EVENT_TOPIC]

    async def test_events_of_a_day_are_sent(self, world: World) -> None:
        await invite(world)
        items = await world.feed()
        world.now += OLDEST - timedelta(seconds=1)
        await world.relay.run(items)
        assert 1 == len(world.bus.sent[EVENT_TOPIC])

    @pytest.mark.parametrize(("allowed_for", "sent"), [(timedelta(hours=1), 1), (timedelta(0), 0)])
    async def test_an_operator_allows_it_until_a_moment(self, world: World, allowed_for: timedelta, sent: int) -> None:
        await invite(world)
        items = await world.feed()
        world.now += timedelta(days=30)
        relay = world.another_process(relay_replay_until=world.now + allowed_for).relay
        if sent:
            await relay.run(items)
        else:
            with pytest.raises(ReplayRefused):
                await relay.run(items)
        assert sent == len(world.bus.sent[EVENT_TOPIC])


class TestBadReactions:
    async def test_an_event_in_the_wrong_session_is_parked_alone(self, world: World) -> None:
        await invite(world)
        await world.relay.run(await world.feed())
        (message,) = world.bus.deliver(REACTION_QUEUE)
        for number, session in enumerate(("greeting-g-2", "guest-g-1", None, "nothing"), start=1):
            wrong = Received(f"m-{number}", session, number, message.body)
            await world.deliver(REACTION_QUEUE, wrong)
        assert 4 == len(await world.parked.alone(REACTION_QUEUE))
        await world.deliver(REACTION_QUEUE, message)
        assert 1 == len(await world.events("greeting-g-1"))

    async def test_an_event_that_concerns_nobody_is_parked_alone(self, world: World) -> None:
        await invite(world)
        await world.commands.handle(GUEST, context("c-2").to("guest-g-1", WelcomeGuest()))
        await world.relay.run(await world.feed())
        arrived = next(each for each in world.bus.sent[EVENT_TOPIC] if each.subject == "GuestArrived")
        await world.deliver(REACTION_QUEUE, Received("m-1", "greeting-g-1", 1, arrived.body))
        assert 1 == len(await world.parked.alone(REACTION_QUEUE))

    async def test_an_event_that_cannot_be_decoded_parks_the_process(self, world: World) -> None:
        await invite(world)
        await world.relay.run(await world.feed())
        (message,) = world.bus.deliver(REACTION_QUEUE)
        broken = json.loads(message.body)
        broken["data"] = {"guestId": "g-1"}
        await world.deliver(REACTION_QUEUE, Received("m-1", "greeting-g-1", 1, json.dumps(broken).encode()))
        assert frozenset({"greeting-g-1"}) == await world.parked.sessions(REACTION_QUEUE)
