"""The story of an order: all that is about it and nothing else, with causes, functions and costs."""

import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import azure.functions as func
import pytest

from api.dashboard.story import REQUESTED_BY
from domain.fulfilment.events import FulfilmentStarted
from domain.money import Money
from domain.registry import AGGREGATES, FULFILMENT
from emulators.cosmos import charges
from engine.messaging.port import Received
from engine.messaging.topology import COMMAND_QUEUE, REACTION_QUEUE
from engine.storing.events import StoredEvent
from engine.storing.port import PAGE, Appended, Head
from tests.api.dashboard.asking import ask, asked, placed_orders, put
from tests.outside.stories import PAID, STORIES, dispatched, placed
from tests.outside.values import TEXT
from tests.outside.world import World

Story = Callable[[World], Awaitable[None]]

HOSTILE_IDS = {
    "markup": "<img src=x onerror=alert(1)>",
    "right to left": "\u202egnp.exe",
    "10,000 characters": "x" * 10_000,
    "a path": "../../orders",
    "a newline": "o-1\n",
    "nothing": "",
}


class Witness(World):
    """Writes down which function made each event."""

    def __init__(self) -> None:
        super().__init__()
        self.made_by: dict[str, str] = {}
        self._function = ""
        append = self.services.commands.store.append

        async def witnessed(stream_id: str, expected: Head, events: list[StoredEvent]) -> Appended:
            self.made_by.update({event.metadata.event_id: self._function for event in events})
            return await append(stream_id, expected, events)

        self.store.append = witnessed  # type: ignore[method-assign, assignment]

    async def ask(self, function: str, body: Any = None, **more: Any) -> func.HttpResponse:
        self._function = function
        return await super().ask(function, body, **more)

    async def _hand_over(self, entity: str, message: Received) -> None:
        self._function = {COMMAND_QUEUE: "handle_command", REACTION_QUEUE: "react"}[entity]
        await super()._hand_over(entity, message)


def events_about(world: World, order_id: str) -> set[str]:
    """The ids of the events of the order's own streams, and of those in others that name the order."""
    own = {f"{category}-{order_id}" for category in ("order", "payment", "fulfilment")}
    return {
        item["metadata"]["eventId"]
        for item in world.store.commits().items
        if item["streamId"] in own or item["data"].get("orderId") == order_id
    }


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)
async def test_it_is_all_that_is_about_the_order_and_nothing_else(story: Story) -> None:
    world = World()
    await story(world)
    for order_id in await placed_orders(world):
        shown = await ask(world, "order", id=order_id)
        told = [event["eventId"] for event in shown["events"]]
        assert sorted(events_about(world, order_id)) == sorted(told)
        assert ([], []) == (shown["unreadable"], shown["more"])


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)
async def test_every_event_comes_behind_its_cause_which_is_a_client_or_is_shown(story: Story) -> None:
    world = World()
    await story(world)
    for order_id in await placed_orders(world):
        events = (await ask(world, "order", id=order_id))["events"]
        by_id = {event["eventId"]: place for place, event in enumerate(events)}
        for place, event in enumerate(events):
            if event["causationId"] == event["correlationId"]:
                assert event["cause"] is None
                continue
            cause = events[by_id[event["causationId"]]]
            assert {name: cause[name] for name in ("stream", "version", "type")} == event["cause"]
            assert by_id[cause["eventId"]] < place


@pytest.mark.parametrize("name", sorted(STORIES.keys() - {"asked_for_asynchronously"}))
async def test_each_event_was_made_by_the_function_that_is_named(name: str) -> None:
    world = Witness()
    await STORIES[name](world)
    for order_id in await placed_orders(world):
        events = (await ask(world, "order", id=order_id))["events"]
        assert {each["eventId"]: world.made_by[each["eventId"]] for each in events} == {
            each["eventId"]: each["function"] for each in events
        }


async def test_of_what_was_asked_for_later_the_function_that_took_the_request_is_named() -> None:
    world = Witness()
    await STORIES["asked_for_asynchronously"](world)
    named = {
        event["type"]: event["function"]
        for order_id in await placed_orders(world)
        for event in (await ask(world, "order", id=order_id))["events"]
        if event["causationId"] == event["correlationId"]
    }
    assert named == {each: REQUESTED_BY[each] for each in named}


def test_every_event_that_a_client_may_ask_for_is_one_that_there_is() -> None:
    assert REQUESTED_BY.keys() <= {name for each in AGGREGATES for name in each.event_classes}


async def test_an_event_is_shown_whole() -> None:
    world = World()
    order_id = await placed(world)
    (event,) = (await ask(world, "order", id=order_id))["events"]
    (item,) = [each for each in world.store.commits().items if each["streamId"] == f"order-{order_id}"]
    answer = await world.ask("get_order_events", orderId=order_id)
    size = len(json.dumps(item, separators=(",", ":")))
    assert {
        "stream": f"order-{order_id}",
        "category": "order",
        "version": 1,
        "type": "OrderPlaced",
        "at": "2026-11-23T12:00:00.12Z",
        "eventId": item["metadata"]["eventId"],
        "correlationId": item["metadata"]["correlationId"],
        "causationId": item["metadata"]["causationId"],
        "cause": None,
        "function": "place_order",
        "actor": "anonymous",
        "trace": "0af7651916cd43dd8448eb211c80319c",
        "bytes": size,
        "charge": charges.create(size, indexed_values=3),
        "data": json.loads(answer.get_body())["events"][0]["data"],
    } == event


async def test_the_versions_of_its_own_streams_are_told() -> None:
    world = World()
    await dispatched(world)
    (order_id,) = await placed_orders(world)
    versions = (await ask(world, "order", id=order_id))["versions"]
    assert {f"order-{order_id}": 3, f"payment-{order_id}": 2, f"fulfilment-{order_id}": 8} == versions


async def test_an_order_that_there_is_not_is_not_found() -> None:
    status, problem = await asked(World(), "order", id="o-1")
    assert (404, "There is no such order.") == (status, problem["detail"])


@pytest.mark.parametrize("what", ["order", "state"])
@pytest.mark.parametrize("hostile", HOSTILE_IDS.values(), ids=HOSTILE_IDS)
async def test_an_id_that_no_order_can_have_is_refused(what: str, hostile: str) -> None:
    status, problem = await asked(World(), what, id=hostile, version="1")
    assert (400, True) == (status, problem["detail"].startswith("id must be 1 to 64 characters"))


async def test_markup_in_what_people_wrote_stays_as_it_was_written() -> None:
    world = World()
    order_id = await placed(world)
    await world.ask("cancel_order", {"reason": f"<b>{TEXT}"}, orderId=order_id)
    events = (await ask(world, "order", id=order_id))["events"]
    assert f"<b>{TEXT}" == events[-1]["data"]["reason"]


async def test_events_that_a_newer_build_has_written_are_shown_as_they_lie_there() -> None:
    world = World()
    order_id = await placed(world)
    await put(world, f"order-{order_id}", 2, "OrderPainted", {"colour": "<i>red"}, schema=7)
    await put(world, f"fulfilment-{order_id}", 1, "PaintAwaited", {"issued": "nothing that is known"})
    events = (await ask(world, "order", id=order_id))["events"]
    shown = {event["type"]: (event["data"], event["function"], event["trace"]) for event in events}
    assert ({"colour": "<i>red"}, "handle_command", None) == shown["OrderPainted"]
    assert ({"issued": "nothing that is known"}, "react", None) == shown["PaintAwaited"]
    assert "OrderPlaced" in shown
    assert 503 == (await asked(world, "state", id=order_id, version="2"))[0]


async def test_what_is_no_event_is_named_beside_the_events() -> None:
    world = World()
    order_id = await placed(world)
    stream_id = f"order-{order_id}"
    world.store.place(stream_id, 2, {"metadata": None})
    world.store.place(stream_id, 1, {"id": "<b>note"})
    shown = await ask(world, "order", id=order_id)
    assert ["OrderPlaced"] == [event["type"] for event in shown["events"]]
    assert [(stream_id, "0000000002"), (stream_id, "<b>note")] == [
        (each["stream"], each["id"]) for each in shown["unreadable"]
    ]
    assert "its id and its version differ" in shown["unreadable"][1]["reason"]


async def test_a_process_without_its_order_is_shown() -> None:
    world = World()
    order_id = "o-1"
    started = FULFILMENT.event_classes["FulfilmentStarted"]
    assert started is FulfilmentStarted
    _, _, data = world.services.queries.codec.encode(FulfilmentStarted(order_id, Money(1, "EUR"), ()))
    await put(world, f"fulfilment-{order_id}", 1, "FulfilmentStarted", data)
    shown = await ask(world, "order", id=order_id)
    assert ["FulfilmentStarted"] == [event["type"] for event in shown["events"]]
    assert {f"fulfilment-{order_id}": 1} == shown["versions"]


async def test_of_a_payment_with_more_than_a_thousand_events_the_first_thousand_are_shown() -> None:
    world = World()
    order_id = await placed(world)
    await world.settle()
    for number in range(PAGE // 2 + 1):
        body = {**PAID, "reference": f"pay-{number}"}
        assert 200 == (await world.ask("report_payment", body, orderId=order_id)).status_code
    shown = await ask(world, "order", id=order_id)
    payment = f"payment-{order_id}"
    assert PAGE == sum(event["stream"] == payment for event in shown["events"])
    assert (PAGE, [payment]) == (shown["versions"][payment], shown["more"])


async def test_an_order_that_was_placed_under_a_clock_that_is_ahead_is_placed_first() -> None:
    world = World()
    order_id = await placed(world)
    world.now -= timedelta(hours=1)
    await world.settle()
    events = (await ask(world, "order", id=order_id))["events"]
    assert "OrderPlaced" == events[0]["type"]
    assert min(event["at"] for event in events) < events[0]["at"]


class TestState:
    async def test_it_is_the_order_as_it_is_answered_for_that_version(self) -> None:
        world = World()
        await dispatched(world)
        (order_id,) = await placed_orders(world)
        for version in ("1", "2", "3"):
            answer = await world.ask("get_order", params={"atVersion": version}, orderId=order_id)
            assert json.loads(answer.get_body()) == await ask(world, "state", id=order_id, version=version)

    async def test_a_version_that_the_order_has_not_is_not_found(self) -> None:
        world = World()
        order_id = await placed(world)
        for asked_for in ({"id": order_id, "version": "2"}, {"id": "o-1", "version": "1"}):
            status, problem = await asked(world, "state", **asked_for)
            assert (404, "There is no such order, or it has not come to this version.") == (status, problem["detail"])

    @pytest.mark.parametrize("version", ["0", "-1", "1.5", "<b>", "99999999999", ""])
    async def test_what_is_no_version_is_refused(self, version: str) -> None:
        assert 400 == (await asked(World(), "state", id="o-1", version=version))[0]
