"""One message into one handler: what is parked, what waits behind it, and what goes back to the bus."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from engine.consuming.errors import TransientFailure
from engine.consuming.messages import TRIES_BEFORE_PARKING, Delivery, MessageConsumer
from engine.consuming.parked.known import KEPT_FOR
from engine.consuming.parked.port import Failure
from engine.consuming.parked.release import Release
from engine.consuming.retry_policy import LONGEST
from engine.errors import AccessRefused, RequestRefused, Throttled, Unavailable
from engine.messaging.port import Received
from engine.messaging.wire import UnreadableMessage
from engine.storing.errors import UndecodableEvent
from tests.engine.world import World

VOCABULARY = 3


@dataclass
class Handler:
    """Handles all but the messages it is told to fail on; a list of errors is used up, an error stays."""

    failing: dict[str, Exception | list[Exception]] = field(default_factory=dict)
    handled: list[str] = field(default_factory=list)
    tried: int = 0

    @property
    def consumer(self) -> MessageConsumer:
        return MessageConsumer("toy", self.handle, VOCABULARY)

    async def handle(self, message: Received) -> None:
        self.tried += 1
        error = self.failing.get(message.message_id)
        if isinstance(error, list):
            error = error.pop(0) if error else None
        if error is not None:
            raise error
        self.handled.append(message.message_id)


def message(session: str | None, number: int) -> Received:
    return Received(f"{session}/{number}", session, number, b"{}")


@pytest.fixture
def world() -> World:
    return World()


async def test_a_message_that_is_handled_leaves_nothing_behind(world: World) -> None:
    handler = Handler()
    await world.hand_over(handler.consumer, message("guest-1", 1))
    assert ["guest-1/1"] == handler.handled
    assert frozenset() == await world.parked.sessions("toy")


class TestKnownSessions:
    """What is parked is read every two seconds, and a message that parks its session is held for as long."""

    async def test_one_read_in_two_seconds(self, world: World) -> None:
        handler = Handler()
        for number in range(1, 6):
            await world.hand_over(handler.consumer, message("guest-1", number))
        assert 1 == world.parked.reads
        world.now += timedelta(seconds=KEPT_FOR)
        await world.hand_over(handler.consumer, message("guest-1", 6))
        assert 2 == world.parked.reads

    async def test_a_process_that_had_asked_a_moment_before_lets_nothing_overtake(self, world: World) -> None:
        handler, other = Handler({"guest-1/1": ValueError("no")}), world.another_process()
        await other.messages.attempt(handler.consumer, Delivery(message("guest-2", 1)))
        await world.hand_over(handler.consumer, message("guest-1", 1))
        await other.messages.attempt(handler.consumer, Delivery(message("guest-1", 2)))
        assert ["guest-2/1"] == handler.handled
        assert [1, 2] == [each.sequence_number for each in await world.parked.waiting("toy", "guest-1", 10)]

    async def test_the_process_that_parked_knows_it_at_once(self, world: World) -> None:
        handler = Handler({"guest-1/1": ValueError("no")})
        runner = world.services.messages
        held = replace(runner, pause=lambda _: asyncio.sleep(0))
        await held.attempt(handler.consumer, Delivery(message("guest-1", 1), failures=TRIES_BEFORE_PARKING - 1))
        await held.attempt(handler.consumer, Delivery(message("guest-1", 2)))
        assert [] == handler.handled

    async def test_a_session_that_was_freed_a_moment_ago_goes_on(self, world: World) -> None:
        handler = Handler({"guest-1/1": [ValueError("no")] * TRIES_BEFORE_PARKING})
        await world.hand_over(handler.consumer, message("guest-1", 1))
        await world.hand_over(handler.consumer, message("guest-1", 2))
        await Release(world.parked, world.clock, world.pause).session(handler.consumer, "guest-1", lambda _: None)
        await world.hand_over(handler.consumer, message("guest-1", 3))
        assert ["guest-1/1", "guest-1/2", "guest-1/3"] == handler.handled


async def test_what_a_store_refuses_for_what_it_holds_is_not_waited_for(world: World) -> None:
    """A refusal of access goes away once an operator has acted; an item that is too large stays so."""
    handler = Handler({"guest-1/1": RequestRefused("413")})
    await world.hand_over(handler.consumer, message("guest-1", 1))
    assert TRIES_BEFORE_PARKING == handler.tried
    assert frozenset({"guest-1"}) == await world.parked.sessions("toy")


@pytest.mark.parametrize(
    "error",
    [
        Unavailable("away"), AccessRefused("no key"), TransientFailure("a hole"),
    ],
)  # fmt: skip
async def test_what_comes_back_by_itself_is_waited_for(world: World, error: Exception) -> None:
    handler = Handler({"guest-1/1": [error] * 8})
    await world.hand_over(handler.consumer, message("guest-1", 1))
    assert ["guest-1/1"] == handler.handled
    assert 8 == len(world.pauses)
    assert all(0 < pause <= 15 for pause in world.pauses)


async def test_what_is_throttled_waits_as_long_as_it_is_asked_to(world: World) -> None:
    handler = Handler({"guest-1/1": [Throttled("429", 2.5), Throttled("429", 600), Unavailable("away", 600)]})
    await world.hand_over(handler.consumer, message("guest-1", 1))
    assert {2.5, 15} == {*sorted(world.pauses)[1:]}
    assert min(world.pauses) <= 0.4


async def test_patience_ends_before_the_lock_does_and_parks_nothing(world: World) -> None:
    began = world.now
    handler = Handler({"guest-1/1": Unavailable("away")})
    with pytest.raises(TransientFailure, match="away"):
        await world.hand_over(handler.consumer, message("guest-1", 1))
    assert LONGEST <= world.now - began < LONGEST * 1.1
    assert frozenset() == await world.parked.sessions("toy")


async def test_what_fails_for_good_parks_its_session_after_some_tries(world: World) -> None:
    handler = Handler({"guest-1/1": UndecodableEvent("guest-1", 1, "its data is no GuestInvited")})
    await world.hand_over(handler.consumer, message("guest-1", 1))
    assert TRIES_BEFORE_PARKING == handler.tried
    parked = await world.parked.session("toy", "guest-1")
    assert parked is not None
    assert (1, TRIES_BEFORE_PARKING) == (parked.waiting, parked.failure.attempts)
    assert "its data is no GuestInvited" in parked.failure.error
    assert "Handler" not in parked.failure.error
    assert "test_messages.py" in parked.failure.trace


async def test_a_defect_that_passes_parks_nothing(world: World) -> None:
    handler = Handler({"guest-1/1": [ValueError("once")] * (TRIES_BEFORE_PARKING - 1)})
    await world.hand_over(handler.consumer, message("guest-1", 1))
    assert ["guest-1/1"] == handler.handled


async def test_later_messages_of_a_parked_session_wait_behind_it_and_the_others_go_on(world: World) -> None:
    handler = Handler({"guest-1/1": ValueError("no")})
    for each in (message("guest-1", 1), message("guest-2", 2), message("guest-1", 3), message("guest-1", 4)):
        await world.hand_over(handler.consumer, each)
    assert ["guest-2/2"] == handler.handled
    assert [1, 3, 4] == [each.sequence_number for each in await world.parked.waiting("toy", "guest-1", 10)]


async def test_a_message_that_waits_already_is_not_added_again(world: World) -> None:
    handler = Handler({"guest-1/1": ValueError("no")})
    for each in (message("guest-1", 1), message("guest-1", 2), message("guest-1", 2)):
        await world.hand_over(handler.consumer, each)
    assert [1, 2] == [each.sequence_number for each in await world.parked.waiting("toy", "guest-1", 10)]


async def test_what_will_never_be_understood_is_parked_alone_and_holds_nobody(world: World) -> None:
    handler = Handler({"guest-1/1": UnreadableMessage("its body is not JSON")})
    await world.hand_over(handler.consumer, message("guest-1", 1))
    await world.hand_over(handler.consumer, message("guest-1", 2))
    assert ["guest-1/2"] == handler.handled
    (alone,) = await world.parked.alone("toy")
    assert "its body is not JSON" in alone.failure.error
    assert message("guest-1", 1) == alone.message


async def test_without_a_session_a_message_is_parked_alone(world: World) -> None:
    handler = Handler({"None/1": ValueError("no")})
    await world.hand_over(handler.consumer, message(None, 1))
    assert ["None/1"] == [each.message.message_id for each in await world.parked.alone("toy")]
    assert 0 == world.parked.reads


async def test_a_store_that_is_away_when_a_session_is_to_be_parked_is_waited_for(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    handler = Handler({"guest-1/1": ValueError("no")})
    park, refused = world.parked.park, [Unavailable("away"), Unavailable("away")]

    async def away(consumer: str, parked: Received, failure: Failure) -> None:
        if refused:
            raise refused.pop()
        await park(consumer, parked, failure)

    monkeypatch.setattr(world.parked, "park", away)
    await world.hand_over(handler.consumer, message("guest-1", 1))
    assert frozenset({"guest-1"}) == await world.parked.sessions("toy")


class TestRelease:
    async def parked(self, world: World, handler: Handler, *numbers: int) -> Release:
        for number in numbers:
            await world.hand_over(handler.consumer, message("guest-1", number))
        return Release(world.parked, world.clock, world.pause)

    async def test_what_waits_is_handled_in_order_and_the_session_is_free(self, world: World) -> None:
        handler = Handler({"guest-1/1": ValueError("no")})
        release = await self.parked(world, handler, 1, 2, 3)
        handler.failing.clear()
        seen: list[int] = []
        released = await release.session(handler.consumer, "guest-1", lambda each: seen.append(each.sequence_number))
        assert (3, None, [1, 2, 3]) == (released.handled, released.error, seen)
        assert ["guest-1/1", "guest-1/2", "guest-1/3"] == handler.handled
        assert frozenset() == await world.parked.sessions("toy")

    async def test_a_message_that_arrives_meanwhile_is_handled_last(self, world: World) -> None:
        handler = Handler({"guest-1/1": ValueError("no")})
        release = await self.parked(world, handler, 1, 2)
        handler.failing.clear()
        late = [message("guest-1", 3)]

        async def handle(each: Received) -> None:
            await handler.handle(each)
            if late:
                await world.hand_over(consumer, late.pop())

        consumer = MessageConsumer("toy", handle, VOCABULARY)
        await release.session(consumer, "guest-1", lambda _: None)
        assert ["guest-1/1", "guest-1/2", "guest-1/3"] == handler.handled

    async def test_one_that_comes_again_or_is_shown_too_long_is_handled_once(self, world: World) -> None:
        handler = Handler({"guest-1/1": ValueError("no")})
        release = await self.parked(world, handler, 1, 2)
        handler.failing.clear()
        again = [message("guest-1", 1)]

        async def handle(each: Received) -> None:
            await handler.handle(each)
            if each.sequence_number == 2:
                await world.hand_over(consumer, again.pop())

        consumer = MessageConsumer("toy", handle, VOCABULARY)
        released = await release.session(consumer, "guest-1", lambda _: None)
        assert (2, ["guest-1/1", "guest-1/2"]) == (released.handled, handler.handled)
        assert frozenset() == await world.parked.sessions("toy")

    async def test_one_that_fails_again_stops_the_release_and_says_why(self, world: World) -> None:
        handler = Handler({"guest-1/1": ValueError("no")})
        release = await self.parked(world, handler, 1, 2, 3)
        handler.failing = {"guest-1/2": ValueError("not this one either")}
        released = await release.session(handler.consumer, "guest-1", lambda _: None)
        assert 1 == released.handled
        assert "not this one either" in str(released.error)
        parked = await world.parked.session("toy", "guest-1")
        assert parked is not None
        assert (2, TRIES_BEFORE_PARKING + 1) == (parked.waiting, parked.failure.attempts)

    async def test_an_unreadable_one_among_them_is_parked_alone(self, world: World) -> None:
        handler = Handler({"guest-1/1": ValueError("no")})
        release = await self.parked(world, handler, 1, 2)
        handler.failing = {"guest-1/1": UnreadableMessage("nonsense")}
        await release.session(handler.consumer, "guest-1", lambda _: None)
        assert ["guest-1/2"] == handler.handled
        assert ["guest-1/1"] == [each.message.message_id for each in await world.parked.alone("toy")]

    async def test_one_that_was_parked_alone_is_handled_or_stays(self, world: World) -> None:
        handler = Handler({"None/1": ValueError("no")})
        await world.hand_over(handler.consumer, message(None, 1))
        (alone,) = await world.parked.alone("toy")
        release = Release(world.parked, world.clock, world.pause)
        assert "ValueError: no" == await release.alone(handler.consumer, alone)
        handler.failing.clear()
        assert await release.alone(handler.consumer, alone) is None
        assert [] == await world.parked.alone("toy")


def test_a_failure_keeps_the_chain_of_causes() -> None:
    from engine.consuming.messages import failure_of

    try:
        try:
            raise KeyError("inner")
        except KeyError as error:
            raise ValueError("outer") from error
    except ValueError as error:
        failure = failure_of(error, 1, World().now)
    assert "ValueError: outer (KeyError('inner'))" == failure.error
    assert "inner" in failure.trace


async def test_what_a_user_wrote_is_shown_to_an_operator_and_not_logged(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """An error of another library may hold it."""
    handler = Handler({"guest-1/1": KeyError("Ada Lovelace")})
    await world.hand_over(handler.consumer, message("guest-1", 1))
    parked = await world.parked.session("toy", "guest-1")
    assert parked is not None
    assert "Ada Lovelace" in parked.failure.error
    assert "toy parks session guest-1 at message guest-1/1: KeyError" in caplog.text
    assert "Ada" not in caplog.text
