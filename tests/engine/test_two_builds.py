"""Two builds of the toy domain over one store and one bus: forth, back, forth again, and back for good.

`OLD` does not know all that `NEW` says; see `tests/engine/toy/newer.py`.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from random import Random
from typing import Any, Final

import pytest

from engine.commands.outcomes.port import Done, Pending
from engine.consuming.errors import ConsumerError, TransientFailure
from engine.consuming.messages import Delivery, MessageConsumer
from engine.consuming.parked.known import KEPT_FOR
from engine.consuming.parked.newer import NewerReleases
from engine.messaging.port import Received
from engine.messaging.topology import COMMAND_QUEUE, REACTION_QUEUE
from engine.messaging.wire import UnreadableMessage, event_message
from engine.projecting.projection import Projection
from engine.projecting.queries import Seen
from engine.services import Services
from engine.storing.codec import EventCodec
from engine.testing.times import NOON
from tests.engine.contexts import context
from tests.engine.projecting.feeding import stored_event
from tests.engine.toy import newer
from tests.engine.toy.guest import DismissGuest, GuestArrived, GuestDismissed, GuestInvited, InviteGuest, WelcomeGuest
from tests.engine.toy.read_models.guest_details import GUEST_DETAILS, GuestDetails
from tests.engine.toy.registry import CODEC, DOMAIN, ENVELOPES
from tests.engine.world import World

OLD: Final = "old"
NEW: Final = "new"
BOTH: Final = (OLD, NEW)
GUESTS: Final = ("g-1", "g-2", "g-3")
VIEWS: Final[Mapping[str, Projection[Any]]] = {OLD: GUEST_DETAILS, NEW: newer.GUEST_DETAILS}
NEW_CODEC: Final = EventCodec.of(newer.DOMAIN.aggregates)


class Deployments:
    """Runs builds over what they share. Whoever runs may get a message or a batch of the feed, as `chance` has it."""

    def __init__(self, chance: Random) -> None:
        self.world = World()
        self.builds: Mapping[str, Services] = {
            OLD: self.world.another_process(domain=DOMAIN),
            NEW: self.world.another_process(domain=newer.DOMAIN),
        }
        self.running: Sequence[str] = (OLD,)
        self._chance = chance
        self._feeds: dict[str, list[Mapping[str, Any]]] = {"relay": [], "views": []}
        self._asked = 0
        self._scheduled: list[tuple[str, Received]] = []

    @property
    def _one(self) -> Services:
        return self.builds[self._name()]

    def _name(self) -> str:
        return self._chance.choice(self.running)

    async def ask(self, build: str, stream_id: str, command: object) -> str:
        """A client asks this build for a command, and does not wait for it."""
        self._asked += 1
        key = f"c-{self._asked}"
        await self.builds[build].asynchronous.accept(context(key).to(stream_id, command))
        return key

    async def work(self, steps: int) -> None:
        """Relays, projects, delivers and releases for a while."""
        for _ in range(steps):
            await self._chance.choice((self._relay, self._project, self._deliver, self._release))()

    async def settle(self) -> None:
        """Goes on until nothing moves."""
        before: Any = None
        while before != (before := self._everything()):
            for step in (self._relay, self._project, self._deliver, self._release):
                await step()

    def _everything(self) -> Any:
        world = self.world
        return (
            world.store.commits().position,
            {name: len(messages) for name, messages in world.bus.sent.items()},
            dict(world.views._documents),
            repr(world.parked._sessions),
            {(name, each) for name in self.builds[NEW].feed_consumers for each in (world.parked_streams._parked[name])},
        )

    async def _relay(self) -> None:
        await self._from_the_feed("relay", lambda build, items: self.builds[build].relay.run(items))

    async def _project(self) -> None:
        await self._from_the_feed("views", lambda build, items: self.builds[build].projector.run(VIEWS[build], items))

    async def _from_the_feed(self, name: str, handle: Any) -> None:
        for item in await self.world.feed():
            for waiting in self._feeds.values():
                waiting.append(item)
        if items := self._feeds[name]:
            try:
                await handle(self._name(), list(items))
            except ConsumerError:
                return  # the host delivers the batch again, to whoever has the lease then
            items.clear()

    async def _deliver(self) -> None:
        for queue in (COMMAND_QUEUE, REACTION_QUEUE):
            for message in self.world.bus.deliver(queue):
                if self.world.bus.sent[queue][message.sequence_number - 1].due is None:
                    await self.hand_over(self._name(), queue, message)
                else:
                    self._scheduled.append((queue, message))

    async def wait_for_what_is_scheduled(self) -> None:
        """Delivers what was to come later, and goes on until nothing moves."""
        await self.settle()
        for queue, message in self._scheduled:
            await self.hand_over(self._name(), queue, message)
        await self.settle()

    async def hand_over(self, build: str, queue: str, message: Received) -> None:
        services, delivery = self.builds[build], Delivery(message)
        attempt = lambda: services.messages.attempt(services.consumers[queue], delivery)  # noqa: E731
        await self.world.retry_policy.retry("a message", attempt)

    async def _release(self) -> None:
        build = self._one
        await build.newer.run()
        await build.automatic.run()

    async def events(self, stream_id: str) -> list[Any]:
        return [NEW_CODEC.event_of(event) for event in await self.world.store.read(stream_id)]

    async def parked(self) -> set[str]:
        sessions = [await self.world.parked.sessions(queue) for queue in (COMMAND_QUEUE, REACTION_QUEUE)]
        streams = [await self.world.parked_streams.index(name) for name in self.builds[NEW].feed_consumers]
        return {each for some in (*sessions, *(index.stream_ids for index in streams)) for each in some}

    async def alone(self) -> list[Any]:
        found = [await self.world.parked.alone(queue) for queue in (COMMAND_QUEUE, REACTION_QUEUE)]
        return [each for some in found for each in some]


def words(events: Iterable[object], kind: type) -> list[str]:
    return [each.words for each in events if isinstance(each, kind)]  # type: ignore[attr-defined]


@pytest.mark.parametrize("seed", range(60))
async def test_forth_and_back_and_forth_nothing_is_lost_and_nothing_overtakes(seed: int) -> None:
    chance = Random(seed)
    deployed = Deployments(chance)
    for guest in GUESTS:
        await deployed.ask(OLD, f"guest-{guest}", InviteGuest(guest, "hill", ()))
        await deployed.ask(OLD, f"guest-{guest}", WelcomeGuest())
    said: dict[str, list[str]] = {guest: [] for guest in GUESTS}
    keys: list[str] = []
    for running in ((OLD,), BOTH, (NEW,), BOTH, (OLD,), BOTH):
        deployed.running = running
        for number in range(4):
            guest, build = chance.choice(GUESTS), chance.choice(running)
            if build == NEW:
                said[guest].append(f"{running}, {number}")
                keys.append(await deployed.ask(NEW, f"guest-{guest}", newer.PraiseGuest(said[guest][-1])))
            else:
                await deployed.ask(OLD, f"guest-{guest}", DismissGuest(f"{running}, {number}"))
            await deployed.work(chance.randrange(6))
    deployed.running = (NEW,)
    await deployed.wait_for_what_is_scheduled()

    assert set() == await deployed.parked()
    assert [] == await deployed.alone()
    assert not deployed.world.bus._dead
    for key in keys:
        assert isinstance(await deployed.builds[NEW].asynchronous.outcome(key), Done)
    for guest in GUESTS:
        happened = await deployed.events(f"guest-{guest}")
        assert said[guest] == words(happened, newer.GuestPraised)
        reactions = await deployed.events(f"greeting-{guest}")
        assert said[guest] == words(reactions, newer.Cheered)
        assert 1 == sum(isinstance(each, newer.NewGreeted) for each in reactions)
        assert await folded(deployed, guest) == await viewed(deployed, guest)


async def folded(deployed: Deployments, guest: str) -> Any:
    view: newer.GuestDetails | None = None
    for stored in await deployed.world.store.read(f"guest-{guest}"):
        view = newer.project(view, NEW_CODEC.decode(stored))
    return without_count(view)


async def viewed(deployed: Deployments, guest: str) -> Any:
    return without_count(VIEWS[NEW].from_document(await document(deployed, guest)))


def without_count(view: Any) -> Any:
    """A view that the old build had begun does not count from the beginning: a field more begins with its default."""
    return None if view is None else replace(view, changes=0)


async def document(deployed: Deployments, guest: str) -> Mapping[str, Any]:
    found = await deployed.world.views.get("guest-details", VIEWS[NEW].key_of_stream(f"guest-{guest}"))
    assert found is not None
    return found.document


class TestBackForGood:
    async def test_what_only_the_new_build_understands_waits_in_order_and_nothing_else_does(self) -> None:
        deployed = Deployments(Random(1))
        for guest in GUESTS:
            await deployed.ask(OLD, f"guest-{guest}", InviteGuest(guest, "hill", ()))
        await deployed.settle()
        deployed.running = BOTH
        praise = [await deployed.ask(NEW, "guest-g-1", newer.PraiseGuest(text)) for text in ("first", "second")]
        dismissal = await deployed.ask(NEW, "guest-g-1", newer.DismissGuest("rude", told=False))
        deployed.running = (OLD,)
        later = await deployed.ask(OLD, "guest-g-1", WelcomeGuest())
        others = [await deployed.ask(OLD, f"guest-{guest}", WelcomeGuest()) for guest in ("g-2", "g-3")]
        waited = len(deployed.world.pauses)
        await deployed.settle()

        outcomes = deployed.builds[OLD].asynchronous
        for key in others:
            assert isinstance(await outcomes.outcome(key), Done)
        for key in (*praise, dismissal, later):
            assert isinstance(await outcomes.outcome(key), Pending)
        assert {"guest-g-1"} == await deployed.parked()
        assert [KEPT_FOR] == deployed.world.pauses[waited:], "a session is parked once, and no handler waits besides"
        assert [] == await deployed.alone()
        assert not deployed.world.bus._dead
        parked = await deployed.world.parked.session(COMMAND_QUEUE, "guest-g-1")
        assert parked is not None
        assert (4, 5) == (parked.waiting, parked.failure.newer)
        assert "no command 'PraiseGuest'" in parked.failure.error

        deployed.running = (NEW,)
        await deployed.settle()
        happened = await deployed.events("guest-g-1")
        assert ["first", "second"] == words(happened, newer.GuestPraised)
        assert isinstance(happened[-1], GuestDismissed)
        assert 4 == len(happened)
        assert set() == await deployed.parked()

    async def test_the_build_that_does_not_understand_releases_nothing(self) -> None:
        deployed = Deployments(Random(1))
        await deployed.ask(NEW, "guest-g-1", newer.PraiseGuest("good"))
        await deployed.settle()
        before = await deployed.world.parked.session(COMMAND_QUEUE, "guest-g-1")
        await deployed.builds[OLD].newer.run()
        assert before == await deployed.world.parked.session(COMMAND_QUEUE, "guest-g-1")

    async def test_an_event_that_concerns_a_process_of_the_new_build_only(self) -> None:
        deployed = Deployments(Random(1))
        await deployed.ask(OLD, "guest-g-1", InviteGuest("g-1", "hill", ()))
        await deployed.settle()
        deployed.running = (NEW,)
        await deployed.ask(NEW, "guest-g-1", WelcomeGuest())
        await deployed._deliver()
        await deployed._relay()
        deployed.running = (OLD,)
        await deployed.settle()
        parked = await deployed.world.parked.session(REACTION_QUEUE, "greeting-g-1")
        assert parked is not None
        assert "does not concern" in parked.failure.error
        deployed.running = (NEW,)
        await deployed.settle()
        assert newer.Welcomed("g-1") in await deployed.events("greeting-g-1")

    async def test_an_event_that_no_build_of_its_vocabulary_says_is_parked_alone(self) -> None:
        deployed = Deployments(Random(1))
        stored = stored_event(NEW_CODEC, "guest-g-1", 1, newer.GuestPraised("g-1", "good"))
        message = event_message(stored, message_id="m-1", session_id="greeting-g-1", vocabulary=3)
        received = Received("m-1", "greeting-g-1", 1, message.body, message.properties)
        await deployed.hand_over(OLD, REACTION_QUEUE, received)
        assert 1 == len(await deployed.alone())
        assert set() == await deployed.parked()

    async def test_a_message_without_a_session_waits_alone_and_is_released_too(self) -> None:
        deployed, handled = Deployments(Random(1)), []
        mended = False

        async def handle(message: Received) -> None:
            if not mended:
                raise UnreadableMessage("what is this?")
            handled.append(message.message_id)

        older, builds = MessageConsumer("toy", handle, 3), (MessageConsumer("toy", handle, each) for each in (3, 5, 5))
        message = Received("m-1", None, 1, b"{}", {"vocabulary": 4})
        await deployed.builds[OLD].messages.attempt(older, Delivery(message))
        left = []
        for build in builds:
            await NewerReleases(deployed.builds[NEW].newer.release, [build]).run()
            left += [each.failure.newer for each in await deployed.world.parked.alone("toy")]
        mended = True
        await NewerReleases(deployed.builds[NEW].newer.release, [MessageConsumer("toy", handle, 5)]).run()
        assert [4, None, None] == left, "what the newer build cannot handle either is for an operator"
        assert [] == handled

    async def test_a_command_for_a_stream_with_newer_events(self) -> None:
        """The message itself is an old one: which build can handle it shows when one tries."""
        deployed = Deployments(Random(1))
        deployed.running = (NEW,)
        await deployed.ask(NEW, "guest-g-1", InviteGuest("g-1", "hill", ()))
        await deployed.settle()
        deployed.running = (OLD,)
        key = await deployed.ask(OLD, "guest-g-1", WelcomeGuest())
        await deployed.settle()
        assert {"guest-g-1"} == await deployed.parked()
        assert isinstance(await deployed.builds[OLD].asynchronous.outcome(key), Pending)
        deployed.running = (NEW,)
        await deployed.settle()
        assert isinstance(await deployed.builds[OLD].asynchronous.outcome(key), Done)


class TestCommands:
    async def test_a_command_that_has_waited_since_the_build_before_is_lifted_to_the_present_schema(self) -> None:
        deployed = Deployments(Random(1))
        await deployed.ask(OLD, "guest-g-1", InviteGuest("g-1", "hill", ()))
        await deployed.ask(OLD, "guest-g-1", DismissGuest("late"))
        deployed.running = (NEW,)
        await deployed.settle()
        assert "late" == (await deployed.events("guest-g-1"))[1].reason

    def test_a_schema_is_said_only_where_there_is_more_than_one(self) -> None:
        """So that builds that did not know of schemas of commands read all others."""
        envelopes = newer_envelopes()
        first = json.loads(envelopes.command_message(context("c").to("guest-g-1", WelcomeGuest())).body)
        second = json.loads(
            envelopes.command_message(context("c").to("guest-g-1", newer.DismissGuest("x", told=True))).body
        )
        assert ("dataSchema" not in first, 2) == (True, second["dataSchema"])

    @pytest.mark.parametrize("schema", [0, -1, 3, "2", None])
    async def test_a_schema_that_no_build_of_this_vocabulary_writes_is_unreadable(self, schema: object) -> None:
        deployed = Deployments(Random(1))
        message = newer_envelopes().command_message(context("c").to("guest-g-1", newer.DismissGuest("x", told=True)))
        body = json.dumps({**json.loads(message.body), "dataSchema": schema}).encode()
        received = Received("c", "guest-g-1", 1, body, message.properties)
        await deployed.hand_over(NEW, COMMAND_QUEUE, received)
        assert 1 == len(await deployed.alone())


def newer_envelopes() -> Any:
    return type(ENVELOPES)(newer.DOMAIN.aggregates)


class TestViews:
    """The new build counts the changes of a guest in its view; the old one knows nothing of that."""

    INVITED = newer.GuestInvited("g-1", "hill", (), "nobody")
    FORMER = GuestInvited("g-1", "hill", ())

    async def appended(self, deployed: Deployments, *events: object) -> list[Mapping[str, Any]]:
        from engine.storing.port import Head

        store, codec = deployed.world.store, NEW_CODEC
        there = await store.read("guest-g-1")
        head = Head(there[-1].version, there[-1].metadata.event_id) if there else Head(0, "")
        for number, event in enumerate(events, start=head.version + 1):
            codec = CODEC if isinstance(event, GuestInvited) else NEW_CODEC
            await store.append("guest-g-1", head, [stored_event(codec, "guest-g-1", number, event)])
            head = Head(number, f"guest-g-1/{number}")
        return await deployed.world.feed()

    async def test_the_old_build_answers_without_what_it_does_not_know(self) -> None:
        deployed = Deployments(Random(1))
        items = await self.appended(deployed, self.FORMER)
        await deployed.builds[NEW].projector.run(VIEWS[NEW], items)
        answered = await deployed.builds[OLD].queries.view(GUEST_DETAILS, "guest-g-1")
        assert Seen(GuestDetails("g-1", "hill", "invited", (), NOON), 1) == answered

    async def test_the_old_build_keeps_what_it_does_not_know_and_the_new_one_does_not_trust_it(self) -> None:
        deployed = Deployments(Random(1))
        items = await self.appended(deployed, self.FORMER)
        await deployed.builds[NEW].projector.run(VIEWS[NEW], items)
        items = await self.appended(deployed, GuestArrived("g-1", "hill"))
        await deployed.builds[OLD].projector.run(GUEST_DETAILS, items)
        written = await document(deployed, "g-1")
        assert (1, "arrived", 2) == (written["view"]["changes"], written["view"]["status"], written["position"])

        answered = await deployed.builds[NEW].queries.view(VIEWS[NEW], "guest-g-1")
        assert (2, 2) == (answered.view.changes, answered.version)
        items = await self.appended(deployed, newer.GuestPraised("g-1", "good"))
        await deployed.builds[NEW].projector.run(VIEWS[NEW], items)
        written = await document(deployed, "g-1")
        assert (3, 3) == (written["view"]["changes"], written["position"])
        assert "outdatedFor" not in written

    async def test_a_batch_that_comes_again_does_not_take_such_a_view_back(self) -> None:
        deployed = Deployments(Random(1))
        first = await self.appended(deployed, self.FORMER)
        await deployed.builds[NEW].projector.run(VIEWS[NEW], first)
        items = await self.appended(deployed, GuestArrived("g-1", "hill"))
        await deployed.builds[OLD].projector.run(GUEST_DETAILS, items)
        await deployed.builds[NEW].projector.run(VIEWS[NEW], first)
        written = await document(deployed, "g-1")
        assert (2, 2) == (written["view"]["changes"], written["position"])

    async def test_a_lagging_replica_does_not_take_such_a_view_back_either(self) -> None:
        deployed = Deployments(Random(1))
        first = await self.appended(deployed, self.FORMER)
        await deployed.builds[NEW].projector.run(VIEWS[NEW], first)
        items = await self.appended(deployed, GuestArrived("g-1", "hill"))
        await deployed.builds[OLD].projector.run(GUEST_DETAILS, items)
        deployed.world.store.lose("guest-g-1", after=1)
        with pytest.raises(TransientFailure, match="does not show events 1 to 2"):
            await deployed.builds[NEW].projector.run(VIEWS[NEW], first)
        assert 2 == (await document(deployed, "g-1"))["position"]

    async def test_a_view_that_cannot_be_read_is_folded_anew(self) -> None:
        deployed = Deployments(Random(1))
        items = await self.appended(deployed, self.FORMER)
        key = GUEST_DETAILS.key_of_stream("guest-g-1")
        await deployed.world.views.put("guest-details", key, {"id": key.id, "position": 1, "view": {"status": 5}}, None)
        answered = await deployed.builds[OLD].queries.view(GUEST_DETAILS, "guest-g-1")
        assert ("invited", 1) == (answered.view.status, answered.version)
        await deployed.builds[OLD].projector.run(GUEST_DETAILS, items)
        assert "invited" == (await document(deployed, "g-1"))["view"]["status"]
