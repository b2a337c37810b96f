"""What is parked is released by the page: in order, within a bound, and the log says who has asked for it."""

import asyncio
import base64
import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import azure.functions as func
import pytest

from api.dashboard.problems import StillParked
from api.dashboard.releases import RELEASE_LIFETIME, ReleaseBody, release
from engine.consuming.errors import TransientFailure
from engine.consuming.messages import MessageConsumer
from engine.errors import Unavailable
from engine.messaging.port import Received
from engine.messaging.topology import COMMAND_QUEUE
from engine.services import Services
from engine.triggers.http_requests import MAX_BODY_BYTES
from projections.order_details import ORDER_DETAILS
from tests.api.dashboard.asking import ask, put
from tests.api.dashboard.parking import CANCEL, PLACE, SESSION, message, park_alone, park_session, park_stream
from tests.outside.stories import placed
from tests.outside.world import World
from tests.rest import Answered, functions, send

CONSUMER = ORDER_DETAILS.consumer


async def released(world: World, consumer: Any, name: Any, **more: Any) -> tuple[int, Any]:
    response = await world.ask("release_parked", {"consumer": consumer, "name": name, **more})
    return response.status_code, json.loads(response.get_body())


async def types(world: World, stream_id: str) -> list[str]:
    return [event.type for event in await world.store.read(stream_id)]


async def test_a_session_is_released_in_order() -> None:
    world = World()
    await park_session(world, message(1, PLACE), message(2, CANCEL))
    expected = {"consumer": COMMAND_QUEUE, "name": SESSION, "handled": 2, "released": True}
    assert (200, expected) == await released(world, COMMAND_QUEUE, SESSION)
    assert ["OrderPlaced", "OrderCancelled"] == await types(world, "order-o-1")
    assert [] == (await ask(world, "waiting"))["parked"]
    assert 404 == (await released(world, COMMAND_QUEUE, SESSION))[0]


async def test_a_stream_is_released_from_the_event_that_failed() -> None:
    world = World()
    order_id = await placed(world)
    await world.ask("cancel_order", {"reason": "no"}, orderId=order_id)
    await park_stream(world, CONSUMER, f"order-{order_id}")
    status, answer = await released(world, CONSUMER, f"order-{order_id}")
    assert (200, 2, True) == (status, answer["handled"], answer["released"])
    assert [] == (await ask(world, "waiting"))["parked"]


async def test_a_message_that_is_parked_alone_is_released_by_its_key() -> None:
    world = World()
    key = await park_alone(world, 1, b"{ this is no JSON")
    sound = await park_alone(world, 2, message(2, PLACE).body, consumer="reactions")
    status, problem = await released(world, COMMAND_QUEUE, key)
    assert (409, "urn:problem-type:still-parked") == (status, problem["type"])
    assert problem["detail"].startswith("UnreadableMessage: its body is not JSON")
    assert problem["detail"].endswith("; if it can never be handled, `operate parked discard` takes it away")
    assert 409 == (await released(world, "reactions", sound))[0]
    assert [2, 2] == [each["attempts"] for each in (await ask(world, "waiting"))["parked"]]


async def test_what_fails_again_stays_parked_with_those_behind_it_and_the_reason() -> None:
    world, handled = World(), list[str]()

    async def handle(received: Received) -> None:
        if received.message_id == "m-2":
            raise ValueError("a defect")
        handled.append(received.message_id)

    await park_session(world, *(message(number, CANCEL) for number in range(1, 4)))
    with pytest.raises(StillParked, match=r"ValueError: a defect$"):
        await release(handled_by(world, handle), ReleaseBody(consumer=COMMAND_QUEUE, name=SESSION), "key")
    (left,) = (await ask(world, "waiting"))["parked"]
    assert (["m-1"], 2, 6) == (handled, left["waiting"], left["attempts"])


async def test_a_stream_whose_event_fails_again_stays_parked() -> None:
    world = World()
    await put(world, "order-o-2", 1, "OrderPlaced", {"no": "order"})
    await park_stream(world, CONSUMER, "order-o-2")
    status, problem = await released(world, CONSUMER, "order-o-2")
    assert (409, True) == (status, problem["detail"].startswith("UndecodableEvent: event 1 of stream order-o-2"))
    assert [6] == [each["attempts"] for each in (await ask(world, "waiting"))["parked"]]


async def test_a_store_that_is_away_is_told_as_such() -> None:
    for error in (Unavailable("away"), TransientFailure("away")):
        world = World()
        await park_session(world, message(1, PLACE))
        services = handled_by(world, failing(error))
        with pytest.raises(Unavailable, match="away"):
            await release(services, ReleaseBody(consumer=COMMAND_QUEUE, name=SESSION), "key")
        assert 1 == len((await ask(world, "waiting"))["parked"])


def failing(error: Exception) -> Callable[[Received], Awaitable[None]]:
    async def handle(_: Received) -> None:
        raise error

    return handle


def handled_by(world: World, handler: Callable[[Received], Awaitable[None]]) -> Services:
    """The services of the world, with another handler of commands."""
    consumers = {COMMAND_QUEUE: MessageConsumer(COMMAND_QUEUE, handler, 1)}
    return replace(world.services, waiting=replace(world.services.waiting, of_the_bus=consumers))


async def test_after_its_time_it_ends_and_what_is_left_goes_on_when_it_is_released_again() -> None:
    world, handled = World(), list[str]()

    async def handle(received: Received) -> None:
        if received.message_id == "m-3" and "m-3" not in handled:
            handled.append("m-3")
            await asyncio.get_running_loop().create_future()
        handled.append(received.message_id)

    await park_session(world, *(message(number, CANCEL) for number in range(1, 5)))
    services, body = handled_by(world, handle), ReleaseBody(consumer=COMMAND_QUEUE, name=SESSION)
    first = await release(services, body, "key", lifetime=0.5)
    assert (2, False) == (first["handled"], first["released"])
    (left,) = (await ask(world, "waiting"))["parked"]
    assert 2 == left["waiting"]
    second = await release(services, body, "key")
    assert (2, True) == (second["handled"], second["released"])
    assert ["m-1", "m-2", "m-3", "m-3", "m-4"] == handled


def test_its_time_is_below_that_of_the_front_and_of_the_host() -> None:
    assert RELEASE_LIFETIME < 230


class TestWho:
    async def test_the_log_says_that_it_was_the_key_and_not_what_was_said(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO)
        world = World()
        await park_session(world, message(1, PLACE), message(2, CANCEL))
        await released(world, COMMAND_QUEUE, SESSION)
        assert "'key' releases 'order-o-1' of commands: 2 handled" in caplog.messages
        assert "<b>no" not in caplog.text

    async def test_the_log_says_which_principal_it_was(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO)
        world = World()
        await park_session(world, message(1, PLACE))
        answered = await self.signed_in(world, "Operations.Release")
        assert (200, 1) == (answered.status, answered.body["handled"])
        assert "'ada-1' releases 'order-o-1' of commands: 1 handled" in caplog.messages

    async def test_the_right_to_read_is_none_to_release(self) -> None:
        world = World()
        await park_session(world, message(1, PLACE))
        assert 403 == (await self.signed_in(world, "Operations.Read")).status
        assert 1 == len((await ask(world, "waiting"))["parked"])

    async def signed_in(self, world: World, role: str) -> Answered:
        async def services() -> Services:
            return world.services

        principal = {"role_typ": "roles", "claims": [{"typ": "roles", "val": role}]}
        headers = {
            "x-ms-client-principal": base64.b64encode(json.dumps(principal).encode()).decode(),
            "x-ms-client-principal-id": "ada-1",
        }
        body = {"consumer": COMMAND_QUEUE, "name": SESSION}
        return await send(functions(services, sign_in="easyauth"), "release_parked", body, headers=headers)


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        ("consumer", "name"),
        [("nobody", SESSION), (COMMAND_QUEUE, "order-o-2"), (CONSUMER, SESSION), (COMMAND_QUEUE, "<b>"),
         (COMMAND_QUEUE, "\u202egnp"), (COMMAND_QUEUE, "x" * 2_000), (CONSUMER, "x" * 2_000)],
    )  # fmt: skip
    async def test_what_is_not_parked_is_not_found(self, consumer: str, name: str) -> None:
        world = World()
        await park_session(world, message(1, PLACE))
        assert 404 == (await released(world, consumer, name))[0]
        assert [] == await types(world, "order-o-1")

    @pytest.mark.parametrize(
        "body",
        [
            {}, {"consumer": COMMAND_QUEUE}, {"name": SESSION}, {"consumer": COMMAND_QUEUE, "name": SESSION, "all": 1},
            {"consumer": 1, "name": SESSION}, {"consumer": COMMAND_QUEUE, "name": None}, {"consumer": "", "name": ""},
            {"consumer": COMMAND_QUEUE, "name": ["a"]}, {"consumer": COMMAND_QUEUE, "name": "x" * 10_000},
            b"", b"[]", b"null", b"{", b'{"consumer": "commands", "consumer": "commands", "name": "order-o-1"}',
        ],
        ids=str,
    )  # fmt: skip
    async def test_a_body_that_does_not_say_it(self, body: Any) -> None:
        world = World()
        await park_session(world, message(1, PLACE))
        assert 400 == (await world.ask("release_parked", body)).status_code
        assert [] == await types(world, "order-o-1")

    async def test_a_body_that_is_too_large(self) -> None:
        body = b'{"consumer": "commands", "name": "order-o-1"}' + b" " * MAX_BODY_BYTES
        assert 413 == (await World().ask("release_parked", body)).status_code

    async def test_a_chunked_body(self) -> None:
        response: func.HttpResponse = await World().ask("release_parked", b"", headers={"Transfer-Encoding": "chunked"})
        assert 411 == response.status_code
