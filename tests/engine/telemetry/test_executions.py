"""Every execution of a function is measured, whatever has triggered it and however it ends."""

import azure.functions as func
import pytest

from engine.services import Services
from engine.telemetry import metrics
from engine.triggers.feed import FeedFunctions
from engine.triggers.timer import TimerFunctions
from tests.engine.telemetry.functions import every_minute
from tests.engine.telemetry.kept import Kept
from tests.engine.toy.registry import READ_MODELS
from tests.engine.triggers.door import INVITATION, Door, ask
from tests.engine.world import World


async def test_a_request_is_counted_by_its_route_and_its_answer(kept: Kept) -> None:
    door = Door()
    for body in (INVITATION, INVITATION, {}):
        await ask(door.invite, body)
    counted = {
        each["http.response.status_code"]: count for each, count in kept.measured("http.server.request.duration")
    }
    assert counted == {201: 2, 400: 1}
    assert {
        (each["http.request.method"], each["http.route"]) for each, _ in kept.measured("http.server.request.duration")
    } == {("POST", "/api")}


async def test_a_run_of_the_timer_is_counted_also_where_it_fails(kept: Kept) -> None:
    async def away() -> Services:
        raise RuntimeError("no services")

    await every_minute(World())
    with pytest.raises(RuntimeError):
        await TimerFunctions(away, READ_MODELS).every_minute()
    assert kept.measured("eventsourcing.timer.duration") == [
        ({"timer.name": "every minute"}, 1),
        ({"timer.name": "every minute", "error.type": "RuntimeError"}, 1),
    ]


async def test_what_a_function_of_the_feed_asks_for_is_on_its_behalf_from_the_beginning(kept: Kept) -> None:
    world, on_behalf_of = World(), list[str]()

    async def services() -> Services:
        on_behalf_of.append(metrics.work())
        return world.services

    functions, nothing = FeedFunctions(services, READ_MODELS), func.DocumentList()
    await functions.project(READ_MODELS[0].name, nothing)
    await functions.relay(nothing)
    assert on_behalf_of == [f"consumer {READ_MODELS[0].name}", "consumer relay"]
    assert len(kept.measured("eventsourcing.feed.attempt.duration")) == 2
