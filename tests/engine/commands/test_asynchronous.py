"""Commands that clients do not wait for, from the acceptance to the outcome."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import pytest

from engine.assembly import Domain
from engine.commands.errors import CommandIdReused
from engine.commands.outcomes.port import Done, Pending, Refused
from engine.consuming.parked.known import KEPT_FOR
from engine.consuming.parked.release import Release
from engine.errors import Unavailable
from engine.messaging.envelope import CommandEnvelope
from engine.messaging.port import Received
from engine.messaging.topology import COMMAND_QUEUE
from tests.engine.contexts import TRACE, context
from tests.engine.toy.guest import (
    DismissGuest,
    GuestCommand,
    GuestDismissed,
    GuestEvent,
    GuestInvited,
    GuestState,
    InviteGuest,
    SeeOffGuest,
    WelcomeGuest,
    Wish,
    decide,
)
from tests.engine.toy.registry import ENVELOPES, GUEST, HOUSE
from tests.engine.world import World

STREAM = "guest-g-1"
INVITE = InviteGuest("g-1", "hill", (Wish("a window", 1),))


def envelope(command: object, key: str, *, fingerprint: str = "f", expected: int | None = None) -> CommandEnvelope:
    return context(key, expected, fingerprint).to(STREAM, command)


@pytest.fixture
def world() -> World:
    return World()


async def test_a_command_is_pending_then_done(world: World) -> None:
    assert Pending("f") == await world.asynchronous.accept(envelope(INVITE, "c-1"))
    assert Pending("f") == await world.asynchronous.outcome("c-1")
    await world.deliver(COMMAND_QUEUE)
    assert Done("f", STREAM, 1) == await world.asynchronous.outcome("c-1")
    (invited,) = await world.store.read(STREAM)
    assert ("ada", TRACE, "c-1/0") == (invited.metadata.actor, invited.metadata.traceparent, invited.command_key)


async def test_a_refusal_is_an_outcome_with_the_problem_of_a_synchronous_answer(world: World) -> None:
    await world.asynchronous.accept(envelope(DismissGuest("no"), "c-1"))
    await world.deliver(COMMAND_QUEUE)
    outcome = await world.asynchronous.outcome("c-1")
    assert isinstance(outcome, Refused)
    assert (404, "not-found") == (outcome.refusal.status, outcome.refusal.type)
    assert frozenset() == await world.parked.sessions(COMMAND_QUEUE)


async def test_a_condition_travels_along(world: World) -> None:
    await world.asynchronous.accept(envelope(INVITE, "c-1"))
    await world.asynchronous.accept(envelope(DismissGuest("no"), "c-2", expected=7))
    await world.deliver(COMMAND_QUEUE)
    outcome = await world.asynchronous.outcome("c-2")
    assert isinstance(outcome, Refused)
    assert 412 == outcome.refusal.status


async def test_a_command_that_was_satisfied_already_is_done(world: World) -> None:
    for key, command in (("c-1", INVITE), ("c-2", DismissGuest("no")), ("c-3", DismissGuest("again"))):
        await world.asynchronous.accept(envelope(command, key))
    await world.deliver(COMMAND_QUEUE)
    assert Done("f", STREAM, 2) == await world.asynchronous.outcome("c-3")


async def test_sent_again_while_pending_it_goes_out_under_the_same_id(world: World) -> None:
    for _ in range(2):
        assert Pending("f") == await world.asynchronous.accept(envelope(INVITE, "c-1"))
    assert ["c-1", "c-1"] == [message.message_id for message in world.bus.sent[COMMAND_QUEUE]]
    await world.deliver(COMMAND_QUEUE)
    assert 1 == len(await world.store.read(STREAM))


async def test_sent_again_when_final_it_gets_its_outcome_and_is_not_sent(world: World) -> None:
    await world.asynchronous.accept(envelope(INVITE, "c-1"))
    await world.deliver(COMMAND_QUEUE)
    assert Done("f", STREAM, 1) == await world.asynchronous.accept(envelope(INVITE, "c-1"))
    assert 1 == len(world.bus.sent[COMMAND_QUEUE])


async def test_a_key_that_is_used_for_another_request_is_refused(world: World) -> None:
    await world.asynchronous.accept(envelope(INVITE, "c-1"))
    with pytest.raises(CommandIdReused):
        await world.asynchronous.accept(envelope(DismissGuest("no"), "c-1", fingerprint="other"))
    assert 1 == len(world.bus.sent[COMMAND_QUEUE])


async def test_a_key_that_a_synchronous_command_has_used_is_refused_later(world: World) -> None:
    await world.commands.handle(GUEST, context("c-1").to(STREAM, INVITE))
    await world.asynchronous.accept(envelope(DismissGuest("no"), "c-1", fingerprint="other"))
    await world.deliver(COMMAND_QUEUE)
    outcome = await world.asynchronous.outcome("c-1")
    assert isinstance(outcome, Refused)
    assert 422 == outcome.refusal.status


async def test_the_bus_away_leaves_it_pending_and_the_same_request_sends_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:

        async def away(*_: object) -> None:
            raise Unavailable("away")

        patched.setattr(world.bus, "send", away)
        with pytest.raises(Unavailable):
            await world.asynchronous.accept(envelope(INVITE, "c-1"))
    await world.asynchronous.accept(envelope(INVITE, "c-1"))
    await world.deliver(COMMAND_QUEUE)
    assert Done("f", STREAM, 1) == await world.asynchronous.outcome("c-1")


async def test_an_outcome_that_was_lost_on_the_way_is_found_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The events were appended, and the process died before the outcome was written."""
    await world.asynchronous.accept(envelope(INVITE, "c-1"))
    (message,) = world.bus.deliver(COMMAND_QUEUE)
    finish, losses = world.outcomes.finish, [Unavailable("died")]

    async def lost(command_id: str, outcome: Done | Refused) -> None:
        if losses:
            raise losses.pop()
        await finish(command_id, outcome)

    monkeypatch.setattr(world.outcomes, "finish", lost)
    await world.deliver(COMMAND_QUEUE, message)
    assert Done("f", STREAM, 1) == await world.asynchronous.outcome("c-1")
    assert 1 == len(await world.store.read(STREAM))


async def test_a_command_of_a_process_leaves_no_outcome(world: World) -> None:
    for key, command in (("c-1", INVITE), ("c-2", SeeOffGuest("the sea"))):
        message = ENVELOPES.command_message(envelope(command, key)._replace(outcome=False))
        await world.bus.send(COMMAND_QUEUE, [message])
    await world.deliver(COMMAND_QUEUE)
    assert [None, None] == [await world.asynchronous.outcome(key) for key in ("c-1", "c-2")]
    assert [GuestInvited("g-1", "hill", INVITE.wishes)] == await world.events(STREAM)


async def test_commands_of_a_stream_are_carried_out_in_the_order_in_which_they_were_sent(world: World) -> None:
    for key, command in (("c-1", INVITE), ("c-2", WelcomeGuest()), ("c-3", DismissGuest("late"))):
        await world.asynchronous.accept(envelope(command, key))
    await world.deliver(COMMAND_QUEUE)
    assert [1, 2, 3] == [event.version for event in await world.store.read(STREAM)]
    assert GuestDismissed("g-1", "hill", "late") == (await world.events(STREAM))[-1]


class TestBadMessages:
    """A message that cannot be read or attributed is parked alone, with a reason for a person; the session goes on."""

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            (lambda _: b"\xff\xfe\xfa", "not JSON"),
            (lambda _: b"not json", "not JSON"),
            (lambda _: b"", "not JSON"),
            (lambda _: b"[" * 100_000, "not JSON"),
            (lambda _: b"[]", "not a JSON object"),
            (lambda _: b"{}", "no command"),
            (lambda body: {**body, "type": "BurnGuest"}, "no command 'BurnGuest'"),
            (lambda body: {**body, "type": 5}, "no command"),
            (lambda body: {**body, "data": {}}, "no InviteGuest"),
            (lambda body: {**body, "data": {**body["data"], "extra": 1}}, "no InviteGuest"),
            (lambda body: {**body, "data": []}, "no"),
            (lambda body: {**body, "stream": "guest-g-2"}, "came in session"),
            (lambda body: {**body, "stream": None}, "no command"),
            (lambda body: {**body, "commandId": "a/b"}, "no id of a command"),
            (lambda body: {**body, "commandId": ""}, "no id of a command"),
            (lambda body: {**body, "outcome": "yes"}, "no command"),
            (lambda body: {**body, "unknown": 1}, "no command"),
        ],
    )
    async def test_a_bad_body(self, world: World, change: object, reason: str) -> None:
        good = ENVELOPES.command_message(envelope(INVITE, "c-1"))
        assert callable(change)
        body = change(json.loads(good.body))
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        await world.deliver(COMMAND_QUEUE, Received("m-1", STREAM, 1, raw))
        (alone,) = await world.parked.alone(COMMAND_QUEUE)
        assert reason in alone.failure.error
        assert raw == alone.message.body
        await world.deliver(COMMAND_QUEUE, Received("c-1", STREAM, 2, good.body))
        assert 1 == len(await world.store.read(STREAM))

    @pytest.mark.parametrize("session", [None, "", "guest", "guest-", "guest-g/1", "unknown-1", "guest-g-1\n"])
    async def test_a_session_that_is_no_stream(self, world: World, session: str | None) -> None:
        good = ENVELOPES.command_message(envelope(INVITE, "c-1"))
        body = json.dumps({**json.loads(good.body), "stream": session or ""}).encode()
        await world.deliver(COMMAND_QUEUE, Received("m-1", session, 1, body))
        assert 1 == len(await world.parked.alone(COMMAND_QUEUE))

    @pytest.mark.parametrize(
        ("vocabulary", "is_newer"), [(0, False), (0.5, False), ("9", False), (3, False), (4, True)]
    )
    async def test_what_a_newer_build_sends_parks_its_session_and_the_rest_is_parked_alone(
        self, world: World, vocabulary: object, is_newer: bool
    ) -> None:
        good = ENVELOPES.command_message(envelope(INVITE, "c-1"))
        body = json.dumps({**json.loads(good.body), "schema": 3, "new": True}).encode()
        properties: Any = {**good.properties, "vocabulary": vocabulary}
        await world.deliver(COMMAND_QUEUE, Received("c-1", STREAM, 1, body, properties))
        assert (0 if is_newer else 1) == len(await world.parked.alone(COMMAND_QUEUE))
        assert (frozenset({STREAM}) if is_newer else frozenset()) == await world.parked.sessions(COMMAND_QUEUE)
        assert ([KEPT_FOR] if is_newer else []) == world.pauses


def _with_a_defect(command: GuestCommand, state: GuestState) -> tuple[GuestEvent, ...]:
    if isinstance(command, WelcomeGuest):
        raise ValueError("a defect")
    return decide(command, state)


DEFECTIVE: Final = Domain((replace(GUEST, decider=replace(GUEST.decider, decide=_with_a_defect)), HOUSE))


class TestBundles:
    """Several commands for one stream in one message."""

    COMMANDS: Final = (INVITE, WelcomeGuest(), SeeOffGuest("the sea"))

    def bundle(self, *changes: Mapping[str, object], commands: Sequence[object] = COMMANDS) -> Received:
        members = [
            json.loads(ENVELOPES.command_message(envelope(command, f"c-{number}")).body)
            for number, command in enumerate(commands, start=1)
        ]
        for member, change in zip(members, changes, strict=False):
            member.update(change)
        return Received("b-1", STREAM, 1, json.dumps({"schema": 2, "commands": members}).encode(), {"vocabulary": 3})

    async def test_they_are_carried_out_in_their_order_and_once(self, world: World) -> None:
        for _ in range(2):
            await world.deliver(COMMAND_QUEUE, self.bundle())
        assert ["c-1/0", "c-2/0", "c-3/0"] == [each.command_key for each in await world.store.read(STREAM)]
        assert 1 == world.store.commits().position, "in one transaction"

    async def test_from_the_second_delivery_on_they_are_carried_out_singly(self, world: World) -> None:
        """If one of them ends the process, those before it are done by then."""
        await world.deliver(COMMAND_QUEUE, replace(self.bundle(), deliveries=2))
        assert ["c-1/0", "c-2/0", "c-3/0"] == [each.command_key for each in await world.store.read(STREAM)]
        assert 3 == world.store.commits().position

    @pytest.mark.parametrize("split", [[(0, 3)], [(0, 1), (1, 3)], [(0, 2), (1, 3)], [(0, 1), (1, 2), (2, 3), (0, 3)]])
    async def test_a_delivery_under_another_split_changes_nothing(
        self, world: World, split: Sequence[tuple[int, int]]
    ) -> None:
        whole = json.loads(self.bundle().body)["commands"]
        for first, last in split:
            body = json.dumps({"schema": 2, "commands": whole[first:last]}).encode()
            await world.deliver(COMMAND_QUEUE, Received(f"b-{first}-{last}", STREAM, 1, body))
        assert ["c-1/0", "c-2/0", "c-3/0"] == [each.command_key for each in await world.store.read(STREAM)]

    async def test_a_refusal_goes_on_to_the_next(self, world: World) -> None:
        await world.deliver(COMMAND_QUEUE, self.bundle(commands=[INVITE, SeeOffGuest("too soon"), WelcomeGuest()]))
        assert ["c-1/0", "c-3/0"] == [each.command_key for each in await world.store.read(STREAM)]

    @pytest.mark.parametrize("deliveries", [1, 2])
    async def test_a_failure_stops_there_and_a_release_begins_at_the_first(self, world: World, deliveries: int) -> None:
        consumer = world.services.consumers[COMMAND_QUEUE]
        defective = world.another_process(domain=DEFECTIVE).consumers[COMMAND_QUEUE]
        await world.hand_over(defective, replace(self.bundle(), deliveries=deliveries))
        assert ["c-1/0"] == [each.command_key for each in await world.store.read(STREAM)]
        released = await Release(world.parked, world.clock, world.pause).session(consumer, STREAM, lambda _: None)
        assert (1, None) == (released.handled, released.error)
        assert 3 == len(await world.store.read(STREAM))

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            ({"type": "BurnGuest"}, "no command 'BurnGuest'"),
            ({"stream": "guest-g-2"}, "came in session"),
            ({"schema": 2}, "which this build does not know"),
            ({"unknown": 1}, "nothing is known of unknown"),
        ],
    )
    async def test_one_that_is_unreadable_parks_the_session_and_nothing_is_done(
        self, world: World, change: Mapping[str, object], reason: str
    ) -> None:
        await world.deliver(COMMAND_QUEUE, self.bundle({}, {}, change))
        parked = await world.parked.session(COMMAND_QUEUE, STREAM)
        assert parked is not None
        assert reason in parked.failure.error
        assert parked.failure.newer is None
        assert [] == await world.parked.alone(COMMAND_QUEUE)
        assert [] == list(await world.store.read(STREAM))

    async def test_one_that_is_newer_makes_the_bundle_newer(self, world: World) -> None:
        received = replace(self.bundle({}, {"type": "PraiseGuest"}), properties={"vocabulary": 4})
        await world.deliver(COMMAND_QUEUE, received)
        parked = await world.parked.session(COMMAND_QUEUE, STREAM)
        assert parked is not None
        assert 4 == parked.failure.newer
        assert [] == list(await world.store.read(STREAM))

    @pytest.mark.parametrize("commands", [None, [], {}, [5], [[]], [{}] * 51])
    async def test_what_is_no_bundle_parks_the_session(self, world: World, commands: object) -> None:
        body = json.dumps({"schema": 2, "commands": commands}).encode()
        await world.deliver(COMMAND_QUEUE, Received("b-1", STREAM, 1, body))
        assert frozenset({STREAM}) == await world.parked.sessions(COMMAND_QUEUE)
