"""What waits is listed without what it says, oldest first, and one of it is shown on request."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from api.dashboard.waiting import MOST_SHOWN
from engine.consuming.dead_letters import MOST_COUNTED
from engine.errors import Unavailable
from engine.messaging.port import DeadLetter, Message, Received
from engine.messaging.topology import COMMAND_QUEUE, NOTIFICATION_QUEUE, NOTIFICATIONS_OF_EVENTS, REACTION_QUEUE
from projections.order_details import ORDER_DETAILS
from tests.api.dashboard.asking import ask, asked
from tests.api.dashboard.parking import (
    CANCEL,
    PLACE,
    SESSION,
    message,
    park_alone,
    park_session,
    park_stream,
)
from tests.outside.stories import placed
from tests.outside.world import World

CONSUMER = ORDER_DETAILS.consumer
ENTITIES = (COMMAND_QUEUE, REACTION_QUEUE, NOTIFICATION_QUEUE, NOTIFICATIONS_OF_EVENTS)
SINCE = "2026-11-23T12:00:00.12Z"


async def test_nothing_waits() -> None:
    counts = [{"entity": each, "count": 0} for each in ENTITIES]
    assert {"parked": [], "deadLetters": counts, "more": False} == await ask(World(), "waiting")


async def test_streams_sessions_and_messages_are_listed_in_one_way() -> None:
    world = World()
    await park_stream(world, CONSUMER, "order-o-1", 2)
    await park_session(world, message(1, PLACE), message(2, CANCEL))
    key = await park_alone(world, 3, b"\xff")
    common = {"since": SINCE, "attempts": 5, "trace": None, "reason": "It waits for an operator."}
    assert [
        {**common, "consumer": COMMAND_QUEUE, "name": SESSION, "kind": "session", "version": None, "type": None,
         "error": "ValueError: a <b>defect", "waiting": 2},
        {**common, "consumer": CONSUMER, "name": "order-o-1", "kind": "stream", "version": 2, "type": "OrderPlaced",
         "error": "ValueError: no", "waiting": 1},
        {**common, "consumer": COMMAND_QUEUE, "name": key, "kind": "message", "version": None, "type": None,
         "error": "UnreadableMessage: its body is not JSON", "waiting": 1, "attempts": 1,
         "trace": "0af7651916cd43dd8448eb211c80319c", "since": "2026-11-23T12:00:03.12Z"},
    ] == (await ask(world, "waiting"))["parked"]  # fmt: skip


async def test_what_waits_for_no_operator_says_so() -> None:
    world = World()
    await park_stream(world, CONSUMER, "order-1", why="newer")
    await park_stream(world, CONSUMER, "order-2", why="gap")
    await park_stream(world, CONSUMER, "order-3", automatic=True)
    await park_session(world, message(1, PLACE), newer=99)
    assert {
        "order-1": "It waits for a newer build.",
        "order-2": "It waits for a missing event.",
        "order-3": "It waits for a build without the defect.",
        SESSION: "It waits for a newer build.",
    } == {each["name"]: each["reason"] for each in (await ask(world, "waiting"))["parked"]}


@pytest.mark.parametrize(("count", "more"), [(MOST_SHOWN, False), (MOST_SHOWN + 1, True)])
async def test_so_many_are_shown_and_it_is_said_that_there_are_more(count: int, more: bool) -> None:
    world = World()
    for number in range(count - 2):
        await park_stream(world, CONSUMER, f"order-{number}")
    await park_session(world, message(1, PLACE))
    await park_alone(world, 2, b"{}", NOTIFICATION_QUEUE)
    shown = await ask(world, "waiting")
    assert (min(count, MOST_SHOWN), more) == (len(shown["parked"]), more)
    assert more == shown["more"]


async def test_of_each_kind_no_more_are_read_than_are_shown() -> None:
    world = World()
    for number in range(1, MOST_SHOWN + 20):
        await park_session(world, message(number, PLACE, f"order-o-{number}"))
        await park_alone(world, number, b"{}")
    shown = await ask(world, "waiting")
    assert (MOST_SHOWN, True, {"session"}) == (
        len(shown["parked"]), shown["more"], {each["kind"] for each in shown["parked"]}
    )  # fmt: skip


async def bury(world: World, number: int) -> None:
    await world.bus.send(COMMAND_QUEUE, [Message(f"m-{number}", SESSION, "x", b"{}", "c")])
    (delivered,) = world.bus.deliver(COMMAND_QUEUE)
    world.bus.bury(COMMAND_QUEUE, delivered, "MaxDeliveryCountExceeded", "")


async def test_dead_letters_are_counted_by_where_they_lie() -> None:
    world = World()
    for number in range(3):
        await bury(world, number)
    counts = {each["entity"]: each["count"] for each in (await ask(world, "waiting"))["deadLetters"]}
    assert {COMMAND_QUEUE: 3, REACTION_QUEUE: 0, NOTIFICATION_QUEUE: 0, NOTIFICATIONS_OF_EVENTS: 0} == counts


async def test_dead_letters_are_counted_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    world, asked_for = World(), 0

    async def endless(entity: str, after: int, limit: int) -> Sequence[DeadLetter]:
        nonlocal asked_for
        asked_for += entity == COMMAND_QUEUE
        numbers = range(after + 1, after + 1 + limit) if entity == COMMAND_QUEUE else ()
        dead = [Received(f"m-{number}", SESSION, number, b"{}") for number in numbers]
        return [DeadLetter(each, "x", "c", "", "", 10, world.now) for each in dead]

    monkeypatch.setattr(world.bus, "dead_letters", endless)
    shown = await ask(world, "waiting")
    assert {"entity": COMMAND_QUEUE, "count": MOST_COUNTED} == shown["deadLetters"][0]
    assert (True, 1) == (shown["more"], asked_for)


async def test_a_bus_that_is_away_leaves_the_rest_of_the_list(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    world = World()
    await park_session(world, message(1, PLACE))

    async def away(*_: object) -> Sequence[DeadLetter]:
        raise Unavailable("no answer from Service Bus")

    monkeypatch.setattr(world.bus, "dead_letters", away)
    shown = await ask(world, "waiting")
    assert (None, False, [SESSION]) == (shown["deadLetters"], shown["more"], [each["name"] for each in shown["parked"]])
    assert "no answer from Service Bus" in caplog.text


class TestPayload:
    async def test_of_a_stream_it_is_the_event_that_failed(self) -> None:
        world = World()
        order_id = await placed(world)
        await park_stream(world, CONSUMER, f"order-{order_id}")
        (item,) = [each for each in world.store.commits().items if each["streamId"] == f"order-{order_id}"]
        assert {
            "consumer": CONSUMER,
            "name": f"order-{order_id}",
            "trace": "0af7651916cd43dd8448eb211c80319c",
            "traceback": "Traceback …",
            "payload": item,
        } == await ask(world, "payload", consumer=CONSUMER, name=f"order-{order_id}")

    @pytest.mark.parametrize("wrong", [{"metadata": None}, {"version": "2"}, {"data": "<b>"}])
    async def test_of_what_is_no_event_it_is_the_item(self, wrong: dict[str, Any]) -> None:
        world = World()
        order_id = await placed(world)
        stream_id = f"order-{order_id}"
        world.store.place(stream_id, 1, {"id": "0000000001b"})
        world.store.place(stream_id, 2, wrong)
        await park_stream(world, CONSUMER, stream_id, 2)
        shown = await ask(world, "payload", consumer=CONSUMER, name=stream_id)
        assert {**shown["payload"], **wrong, "id": "0000000002"} == shown["payload"]

    @pytest.mark.parametrize("version", [0, 7])
    async def test_of_an_event_that_nobody_knows_or_that_is_gone_there_is_none(self, version: int) -> None:
        world = World()
        await park_stream(world, CONSUMER, "order-o-1", version=version)
        shown = await ask(world, "payload", consumer=CONSUMER, name="order-o-1")
        assert (None, None) == (shown["payload"], shown["trace"])

    async def test_of_a_session_it_is_the_first_message_that_waits(self) -> None:
        world = World()
        await park_session(world, message(1, PLACE), message(2, CANCEL))
        shown = await ask(world, "payload", consumer=COMMAND_QUEUE, name=SESSION)
        assert json.loads(message(1, PLACE).body) == shown["payload"]
        assert "0af7651916cd43dd8448eb211c80319c" == shown["trace"]

    @pytest.mark.parametrize(
        ("body", "shown"),
        [
            (b'{"a": [1, "<b>"]}', {"payload": {"a": [1, "<b>"]}}),
            (b"{ this is no JSON", {"text": "{ this is no JSON"}),
            ("\u202ekäfer".encode(), {"text": "\u202ekäfer"}),
            (b"\xff\x00", {"text": "ff00"}),
            (b"NaN", {"text": "NaN"}),
            (b"[" * 100_000, {"text": "[" * 100_000}),
            (b"null", {"payload": None}),
        ],
        ids=["JSON", "text", "right to left", "bytes", "no number", "deep", "null"],
    )
    async def test_of_a_message_it_is_its_body_as_it_can_be_read(self, body: bytes, shown: dict[str, Any]) -> None:
        world = World()
        key = await park_alone(world, 1, body)
        found = await ask(world, "payload", consumer=COMMAND_QUEUE, name=key)
        assert shown == {name: found[name] for name in ("payload", "text") if name in found}

    @pytest.mark.parametrize("name", ["order-o-2", "<b>", "\u202egnp", "x" * 10_000, "index", "streams"])
    @pytest.mark.parametrize("consumer", [CONSUMER, COMMAND_QUEUE])
    async def test_what_is_not_parked_is_not_found(self, consumer: str, name: str) -> None:
        world = World()
        await park_session(world, message(1, PLACE))
        status, problem = await asked(world, "payload", consumer=consumer, name=name)
        assert (404, True) == (status, problem["detail"].startswith(f"{consumer} has parked nothing named"))

    @pytest.mark.parametrize("consumer", ["nobody", "<b>", "x" * 10_000])
    async def test_a_consumer_that_there_is_not_is_not_found(self, consumer: str) -> None:
        status, problem = await asked(World(), "payload", consumer=consumer, name=SESSION)
        assert (404, True) == (status, "there is no consumer" in problem["detail"])

    @pytest.mark.parametrize("params", [{}, {"consumer": CONSUMER}, {"name": SESSION}, {"consumer": "", "name": ""}])
    async def test_both_names_have_to_be_given(self, params: dict[str, str]) -> None:
        assert 400 == (await asked(World(), "payload", **params))[0]
