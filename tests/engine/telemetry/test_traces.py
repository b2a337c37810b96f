"""One trace leads from the request to whatever follows from it; and nothing of it is traced twice."""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any

import azure.functions as func
import pytest
from opentelemetry.trace import SpanKind, StatusCode

from engine.consuming.errors import TransientFailure
from engine.errors import Unavailable
from engine.messaging.memory import MemoryBus
from engine.messaging.port import Message
from engine.storing.events import StoredEvent
from engine.storing.memory import MemoryEventStore
from engine.storing.port import Appended, Head
from engine.telemetry import spans
from engine.triggers.feed import FeedFunctions
from engine.triggers.http_requests import CommandRequest
from tests.engine.contexts import TRACE, context
from tests.engine.telemetry.functions import every_minute, ready
from tests.engine.telemetry.kept import Kept
from tests.engine.toy.guest import DismissGuest, InviteGuest, SeeOffGuest, WelcomeGuest, Wish
from tests.engine.toy.house import AddBeds
from tests.engine.toy.registry import GUEST, HOUSE, PROJECTIONS, READ_MODELS
from tests.engine.triggers.door import INVITATION, Door, ask
from tests.engine.world import World

INVITE = InviteGuest("g-1", "hill", (Wish("a window", 1),))
OTHER_TRACE = "00-11111111111111111111111111111111-2222222222222222-01"


def asked(key: str, traceparent: str) -> CommandRequest[None]:
    its = context(key)
    return CommandRequest(None, key, "f", its.origin._replace(traceparent=traceparent), None)


class TracedStore(MemoryEventStore):
    """Requests are in spans, as those of the transport are."""

    def __init__(self) -> None:
        super().__init__()
        self.appending = asyncio.Event()

    async def append(self, stream_id: str, expected: Head, events: Sequence[StoredEvent]) -> Appended:
        with spans.span("append", kind="client"):
            self.appending.set()
            # Whoever waits for the stream gets into its queue meanwhile.
            await asyncio.sleep(0)
            return await super().append(stream_id, expected, events)


class Deaf(MemoryBus):
    """Accepts nothing."""

    async def send(self, entity: str, messages: Sequence[Message]) -> Sequence[Message]:
        raise Unavailable("it does not hear")


def failing(door: Door) -> None:
    """From here on, every request meets a defect."""

    async def broken() -> Any:
        raise RuntimeError("a defect")

    object.__setattr__(door.engine, "services", broken)


class TestRequests:
    async def test_a_request_is_a_child_of_its_caller_and_its_events_of_its_command(self, kept: Kept) -> None:
        door = Door()
        await ask(door.invite, INVITATION, headers={"traceparent": TRACE})
        assert kept.tree(TRACE) == ["POST /api", "  handle InviteGuest"]
        assert kept.one("POST /api").attributes == {
            "http.request.method": "POST",
            "http.route": "/api",
            "http.response.status_code": 201,
        }
        (event,) = door.world.store.commits().items
        command = kept.one("handle InviteGuest").context
        assert event["metadata"]["traceparent"] == f"00-{command.trace_id:032x}-{command.span_id:016x}-01"

    async def test_a_request_without_a_trace_begins_one(self, kept: Kept) -> None:
        await ask(Door().invite, INVITATION)
        assert (kept.one("POST /api").parent, kept.one("POST /api").kind) == (None, SpanKind.SERVER)

    async def test_within_the_span_of_the_platform_a_request_is_a_part_of_that(self, kept: Kept) -> None:
        with spans.within(TRACE):
            await ask(Door().invite, INVITATION, headers={"traceparent": OTHER_TRACE})
        assert kept.tree(TRACE)[0] == "POST /api"
        assert kept.one("POST /api").kind is SpanKind.INTERNAL

    async def test_what_is_not_sampled_at_the_root_is_not_sampled_further_on(self, kept: Kept) -> None:
        door = Door()
        await ask(door.invite, INVITATION, headers={"traceparent": f"{TRACE[:-2]}00"})
        assert not kept.spans
        (event,) = door.world.store.commits().items
        assert event["metadata"]["traceparent"].startswith(TRACE[:35])
        assert event["metadata"]["traceparent"].endswith("-00")

    async def test_a_request_that_the_service_fails_is_told_as_one_and_a_refused_one_is_not(self, kept: Kept) -> None:
        door = Door()
        await ask(door.invite, b"no JSON")
        failing(door)
        await ask(door.invite, INVITATION)
        refused, failed = kept.named("POST /api")
        assert (refused.status.status_code, failed.status.status_code) == (StatusCode.UNSET, StatusCode.ERROR)
        assert (failed.attributes or {})["error.type"] == (failed.attributes or {})["failure.type"] == "500"

    async def test_ids_of_the_path_are_named_in_the_route_and_not_told(self, kept: Kept) -> None:
        door = Door()
        await ask(door.guest, guestId="secret-name")
        assert "secret-name" not in kept.spans[-1].name


class TestCommands:
    async def test_a_refusal_is_an_answer_and_fails_no_span(self, kept: Kept) -> None:
        world = World()
        await world.commands.handle(GUEST, asked("k-1", TRACE).to("guest-g-1", INVITE))
        with pytest.raises(Exception, match="already"):
            await world.commands.handle(GUEST, asked("k-2", TRACE).to("guest-g-1", INVITE))
        *_, refused = kept.named("handle InviteGuest")
        assert refused.status.status_code is StatusCode.UNSET
        counted = [(each["command.outcome"], count) for each, count in kept.measured("eventsourcing.command.duration")]
        assert sorted(counted) == [("done", 1), ("refused", 1)]

    async def test_a_command_says_how_many_events_it_has_appended(self, kept: Kept) -> None:
        world = World()
        for _ in ("first", "sent again"):
            await world.commands.handle(GUEST, asked("k-1", TRACE).to("guest-g-1", INVITE))
        appended = [(each.attributes or {}).get("append.events") for each in kept.named("handle InviteGuest")]
        assert appended == [1, None]

    async def test_commands_that_share_a_turn_keep_their_traces(self, kept: Kept) -> None:
        world = World(TracedStore())
        await asyncio.gather(
            *(
                world.commands.handle(HOUSE, asked(f"k-{number}", trace).to("house-hill", AddBeds("hill", 1)))
                for number, trace in enumerate((TRACE, OTHER_TRACE))
            )
        )
        assert (kept.tree(TRACE), kept.tree(OTHER_TRACE)) == (
            ["handle AddBeds", "  load", "  append"],
            ["handle AddBeds"],
        )
        first, other = sorted(kept.named("handle AddBeds"), key=lambda each: each.context.trace_id)
        assert [link.context.span_id for link in other.links] == [first.context.span_id]
        assert [(each.attributes or {})["group.size"] for each in (first, other)] == [2, 2]
        traces = [each["metadata"]["traceparent"][:35] for each in world.store.commits().items]
        assert traces == [TRACE[:35], OTHER_TRACE[:35]]

    async def test_a_second_group_belongs_to_the_trace_of_its_own_first_command(self, kept: Kept) -> None:
        """The task of a stream was begun by the first caller of all."""
        world = World(TracedStore())
        store = world.store
        assert isinstance(store, TracedStore)
        first = asyncio.create_task(
            world.commands.handle(HOUSE, asked("k-1", TRACE).to("house-hill", AddBeds("hill", 1)))
        )
        await store.appending.wait()
        await world.commands.handle(HOUSE, asked("k-2", OTHER_TRACE).to("house-hill", AddBeds("hill", 1)))
        await first
        assert kept.tree(TRACE) == ["handle AddBeds", "  load", "  append"]
        assert kept.tree(OTHER_TRACE) == ["handle AddBeds", "  append"]

    async def test_a_load_is_a_span_of_the_command_that_needed_it(self, kept: Kept) -> None:
        world = World()
        await world.commands.handle(GUEST, asked("k-1", TRACE).to("guest-g-1", INVITE))
        another = world.another_process()
        for key in ("k-2", "k-3"):
            await another.commands.handle(GUEST, asked(key, OTHER_TRACE).to("guest-g-1", DismissGuest("too loud")))
        assert kept.tree(OTHER_TRACE) == ["handle DismissGuest", "  load", "handle DismissGuest"]
        assert kept.measured("eventsourcing.load.duration") == [({"stream.category": "guest"}, 2)]

    async def test_a_state_is_found_in_memory_or_is_not(self, kept: Kept) -> None:
        world = World()
        for key in ("k-1", "k-2", "k-3"):
            await world.commands.handle(HOUSE, asked(key, TRACE).to("house-hill", AddBeds("hill", 1)))
        assert kept.measured("eventsourcing.cache.requests") == [
            ({"stream.category": "house", "cache.result": "miss"}, 1),
            ({"stream.category": "house", "cache.result": "hit"}, 2),
        ]

    async def test_a_stream_that_is_expected_to_be_new_is_looked_for_nowhere(self, kept: Kept) -> None:
        await World().commands.handle(GUEST, asked("k-1", TRACE).to("guest-g-1", INVITE), probably_new=True)
        assert kept.measured("eventsourcing.cache.requests") == []

    async def test_each_attempt_to_append_is_measured_and_says_whether_another_has_won(self, kept: Kept) -> None:
        world = World()
        other = world.another_process()
        for handler in (world.commands, other.commands, world.commands):
            key = f"k-{len(world.store.commits().items)}"
            await handler.handle(HOUSE, asked(key, TRACE).to("house-hill", AddBeds("hill", 1)))
        assert kept.measured("eventsourcing.append.duration") == [
            ({"stream.category": "house", "error.type": ""}, 3),
            ({"stream.category": "house", "error.type": "WrongExpectedVersion"}, 1),
        ]

    async def test_a_command_of_a_process_that_is_refused_is_counted_as_such(self, kept: Kept) -> None:
        world = World()
        await world.commands.handle(GUEST, asked("k-1", TRACE).to("guest-g-1", INVITE))
        for key, command in (("k-2", WelcomeGuest()), ("k-3", SeeOffGuest("the sea"))):
            await world.commands.handle(GUEST, asked(key, TRACE).to("guest-g-1", command))
        await world.settle()
        named = {"command.type": "DismissGuest", "command.source": "process", "command.outcome": "refused"}
        assert (named, 1) in kept.measured("eventsourcing.command.duration")


class TestConsumers:
    async def test_each_event_is_applied_in_its_own_trace_and_the_batch_has_links_to_all(self, kept: Kept) -> None:
        world = World()
        await world.commands.handle(GUEST, asked("k-1", TRACE).to("guest-g-1", INVITE))
        await world.commands.handle(GUEST, asked("k-2", OTHER_TRACE).to("guest-g-2", INVITE))
        projection = PROJECTIONS[0]
        await world.services.projector.run(projection, await world.feed())
        batch = kept.one(f"process {projection.consumer}")
        assert batch.parent is None
        assert batch.kind is SpanKind.CONSUMER
        assert {f"{link.context.trace_id:032x}" for link in batch.links} == {TRACE[3:35], OTHER_TRACE[3:35]}
        for trace in (TRACE, OTHER_TRACE):
            assert f"apply {projection.consumer}" in kept.trace(trace)

    async def test_an_attempt_at_a_batch_is_measured_and_says_what_has_failed_it(
        self, kept: Kept, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        world = World()
        await world.commands.handle(GUEST, asked("k-1", TRACE).to("guest-g-1", INVITE))
        documents = func.DocumentList([func.Document.from_dict(dict(item)) for item in await world.feed()])
        functions = FeedFunctions(partial(ready, world), READ_MODELS)

        async def away(*_: object) -> Sequence[Message]:
            raise Unavailable("away")

        with monkeypatch.context() as patched:
            patched.setattr(world.bus, "send", away)
            with pytest.raises(TransientFailure):
                await functions.relay(documents)
        await functions.relay(documents)
        assert kept.measured("eventsourcing.feed.attempt.duration") == [
            ({"consumer.name": "relay", "error.type": "TransientFailure"}, 1),
            ({"consumer.name": "relay", "error.type": ""}, 1),
        ]

    async def test_a_batch_of_the_relay_is_not_done_before_its_messages_are_accepted(self, kept: Kept) -> None:
        world = World(bus=Deaf())
        await world.commands.handle(GUEST, asked("k-1", TRACE).to("guest-g-1", INVITE))
        with pytest.raises(TransientFailure):
            await world.relay.run(await world.feed())
        assert kept.one("process relay").status.status_code is StatusCode.ERROR
        # Of the stream, it claims no more than that it was read.
        assert [name for name in kept.trace(TRACE) if name.endswith("relay")] == ["read relay"]

    @pytest.mark.parametrize(("version", "told"), [(3, 3), (2**63 - 1, 2**63 - 1), (2**63, None), ("3", None)])
    async def test_a_version_is_told_as_a_number_that_a_collector_takes(
        self, kept: Kept, version: object, told: int | None
    ) -> None:
        """For an integer beyond 64 bits it refuses all spans of the request."""
        world = World()
        await world.services.projector.run(PROJECTIONS[0], [{"streamId": "guest-x", "version": version}])
        applied = kept.one(f"apply {PROJECTIONS[0].consumer}")
        assert (applied.attributes or {}).get("stream.version") == told

    async def test_a_batch_of_which_nothing_is_followed_is_no_span(self, kept: Kept) -> None:
        world = World()
        await world.commands.handle(HOUSE, asked("k-1", TRACE).to("house-hill", AddBeds("hill", 5)))
        projection = next(each for each in PROJECTIONS if each.category == "guest")
        await world.services.projector.run(projection, await world.feed())
        assert [] == kept.named(f"process {projection.consumer}")

    async def test_what_a_timer_calls_is_a_trace_of_its_own(self, kept: Kept) -> None:
        await every_minute(World())
        assert kept.one("release newer").parent is None

    async def test_what_a_process_does_belongs_to_the_trace_of_what_it_reacts_to(self, kept: Kept) -> None:
        world = World()
        await world.commands.handle(HOUSE, asked("k-0", OTHER_TRACE).to("house-hill", AddBeds("hill", 5)))
        await world.commands.handle(GUEST, asked("k-1", TRACE).to("guest-g-1", INVITE))
        await world.settle()
        handled = [name for name in kept.trace(TRACE) if name.startswith("handle")]
        assert {"handle InviteGuest", "handle GuestInvited", "handle DismissGuest", "handle Remind"} <= set(handled)

    async def test_a_stranger_s_item_has_no_trace_and_is_no_error_here(self, kept: Kept) -> None:
        world = World()
        strange: list[dict[str, Any]] = [
            {"streamId": "guest-x", "metadata": "none"},
            {"streamId": "guest-y", "metadata": {"traceparent": 5}},
        ]
        await world.services.projector.run(PROJECTIONS[0], strange)
        applied = kept.named(f"apply {PROJECTIONS[0].consumer}")
        assert {StatusCode.ERROR} == {each.status.status_code for each in applied}


def test_nothing_is_traced_or_loaded_unless_it_is_asked_for() -> None:
    with spans.span("nothing") as span:
        span.set({"a": 1})
        span.link(TRACE)
    assert (span.traceparent, spans.current(), spans.nearest(TRACE)) == ("", "", TRACE)
