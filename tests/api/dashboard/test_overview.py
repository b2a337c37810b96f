"""How orders go, in one answer: what is sold, how many are open, how well the service is."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import azure.functions as func
import pytest

from api.dashboard import dead_letters, overview
from api.dashboard.overview import Overviews
from composition.domain import READ_MODELS
from domain.money import Money
from domain.payment.aggregate import PAYMENT
from domain.payment.commands import ProcessPayment, RequestPayment
from engine.consuming.health import FRESH_FOR, Health, HealthCheck
from engine.consuming.lag import PartitionLag, State
from engine.consuming.parked.port import Failure
from engine.consuming.parked_streams.port import ParkedStream
from engine.errors import Unavailable
from engine.messaging.port import DeadLetter, Received
from engine.messaging.topology import COMMAND_QUEUE
from engine.projecting.generations.port import begun
from engine.projecting.port import ViewKey
from engine.testing.times import NOON
from tests.engine.contexts import context
from tests.outside.stories import ORDER, PAID, SHIPMENT
from tests.outside.values import SOON
from tests.outside.world import World

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
NOTHING = {"ordersPlaced": 0, "ordersPaid": 0, "ordersShipped": 0, "ordersCancelled": 0, "revenue": "0.00"}
OF_THE_FEED = ("order-details@1", "order-history@1", "payment-status@1", "sales@2", "stock-levels@1", "relay")
OF_THE_BUS = ("commands", "reactions", "notifications")
FAILED = Failure("no", "trace", 1, NOON)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """Whoever asks gets what is so then."""
    monkeypatch.setattr(overview, "FRESH_FOR", 0.0)
    return World()


async def answered(world: World, tag: str = "", **params: str) -> func.HttpResponse:
    return await world.ask("read_dashboard", params=params, headers={"If-None-Match": tag}, what="overview")


async def shown(world: World, **params: str) -> Any:
    response = await answered(world, **params)
    assert 200 == response.status_code
    return json.loads(response.get_body())


async def placed(world: World, key: str) -> str:
    for sku in ("mug", "poster_A2"):
        await world.ask("receive_stock", {"quantity": 10}, headers={"Idempotency-Key": f"{key}-{sku}"}, sku=sku)
    answer = await world.ask("place_order", ORDER, headers={"Idempotency-Key": key})
    return str(json.loads(answer.get_body())["orderId"])


async def paid(world: World, order_id: str) -> None:
    await world.settle()
    await world.ask("report_payment", PAID, orderId=order_id)
    await world.settle()


async def shipped(world: World, order_id: str) -> None:
    await world.ask("ship_order", SHIPMENT, orderId=order_id)
    await world.settle()


class TestOrders:
    async def test_before_anything_happens_all_is_nothing(self, world: World) -> None:
        found = await shown(world)
        assert {
            "window": "hour", "from": "2026-11-23T11:00:00Z", "to": "2026-11-23T12:01:00Z", "step": 60, "sales": [],
            "open": {"placed": 0, "awaitingPayment": 0, "confirmed": 0},
            "flow": {"placed": 0, "paid": 0, "shipped": 0, "cancelled": 0},
        } == {name: found[name] for name in ("window", "from", "to", "step", "sales", "open", "flow")}  # fmt: skip

    async def test_orders_are_counted_where_they_are(self, world: World) -> None:
        orders = [await placed(world, f"k-{number}") for number in range(6)]
        await world.settle()
        assert {"placed": 6, "awaitingPayment": 6, "confirmed": 0} == (await shown(world))["open"]
        for each in orders[:4]:
            await paid(world, each)
        assert {"placed": 2, "awaitingPayment": 2, "confirmed": 4} == (await shown(world))["open"]
        await shipped(world, orders[0])
        for each in (orders[1], orders[4]):
            await world.ask("cancel_order", {"reason": "no"}, orderId=each)
        await world.settle()
        found = await shown(world)
        assert {"placed": 1, "awaitingPayment": 1, "confirmed": 2} == found["open"]
        assert {"placed": 6, "paid": 4, "shipped": 1, "cancelled": 2} == found["flow"]

    async def test_one_that_nobody_has_asked_to_pay_awaits_none(self, world: World) -> None:
        await world.ask("place_order", ORDER)
        await world.settle(COMMAND_QUEUE)
        assert {"placed": 1, "awaitingPayment": 0, "confirmed": 0} == (await shown(world))["open"]

    async def test_one_that_is_paid_and_not_confirmed_yet_awaits_none(self, world: World) -> None:
        order_id = await placed(world, "k-1")
        await world.settle()
        await world.ask("report_payment", PAID, orderId=order_id)
        await world.settle(COMMAND_QUEUE)
        assert {"placed": 1, "awaitingPayment": 0, "confirmed": 0} == (await shown(world))["open"]

    async def test_a_point_is_a_minute_and_a_currency(self, world: World) -> None:
        order_id = await placed(world, "k-1")
        await paid(world, order_id)
        await world.wait(2 * MINUTE)
        await shipped(world, order_id)
        found = await shown(world)
        assert [
            {**NOTHING, "at": "2026-11-23T12:00:00Z", "currency": "EUR", "ordersPlaced": 1, "ordersPaid": 1,
             "revenue": "25.00"},
            {**NOTHING, "at": "2026-11-23T12:02:00Z", "currency": "EUR", "ordersShipped": 1},
        ] == found["sales"]  # fmt: skip
        assert ("2026-11-23T11:02:00Z", "2026-11-23T12:03:00Z") == (found["from"], found["to"])

    async def test_a_day_has_points_of_hours(self, world: World) -> None:
        world.now = SOON - 2 * HOUR
        order_id = await placed(world, "k-1")
        await paid(world, order_id)
        world.now = SOON
        await shipped(world, order_id)
        found = await shown(world, window="day")
        assert ("day", 3600, "2026-11-22T12:00:00Z", "2026-11-23T13:00:00Z") == (
            found["window"], found["step"], found["from"], found["to"],
        )  # fmt: skip
        assert [("2026-11-23T10:00:00Z", 1, 0), ("2026-11-23T12:00:00Z", 0, 1)] == [
            (point["at"], point["ordersPaid"], point["ordersShipped"]) for point in found["sales"]
        ]
        assert [("2026-11-23T12:00:00Z", 0, 1)] == [
            (point["at"], point["ordersPaid"], point["ordersShipped"]) for point in (await shown(world))["sales"]
        ]

    async def test_the_flow_is_of_all_currencies(self, world: World) -> None:
        for number, currency in enumerate(("EUR", "KWD", "JPY")):
            for command in (RequestPayment(f"o-{number}", Money(5, currency)), ProcessPayment("pay-1")):
                envelope = context(f"{number}-{type(command).__name__}").to(f"payment-o-{number}", command)
                await world.commands.handle(PAYMENT, envelope)
        await world.settle(COMMAND_QUEUE)
        found = await shown(world)
        assert {"placed": 0, "paid": 3, "shipped": 0, "cancelled": 0} == found["flow"]
        assert [("EUR", "0.05"), ("JPY", "5"), ("KWD", "0.005")] == [
            (point["currency"], point["revenue"]) for point in found["sales"]
        ]


class TestPolling:
    async def test_where_nothing_happens_the_answer_is_the_same(self, world: World) -> None:
        await placed(world, "k-1")
        await world.settle()
        first = await answered(world)
        tag = first.headers["ETag"]
        world.now += timedelta(seconds=30)
        second = await answered(world, tag)
        assert (304, b"", tag) == (second.status_code, second.get_body(), second.headers["ETag"])
        for response in (first, second):
            assert ("no-cache", "0.00") == (response.headers["Cache-Control"], response.headers["x-request-charge"])
        await placed(world, "k-2")
        await world.settle()
        assert 200 == (await answered(world, tag)).status_code

    async def test_a_window_that_is_none_is_a_problem(self, world: World) -> None:
        for params in ({"window": "week"}, {"window": "Hour"}, {"windw": "day"}):
            response = await answered(world, **params)
            assert 400 == response.status_code
            assert "window" in json.loads(response.get_body())["detail"]

    async def test_what_there_is_not_is_a_problem_that_lists_what_there_is(self, world: World) -> None:
        for what in ("", "nothing", "Overview", "overview "):
            response = await world.ask("read_dashboard", what=what)
            assert 404 == response.status_code
            assert "overview" in json.loads(response.get_body())["detail"]


class TestHealth:
    async def test_every_consumer_is_told_with_what_it_has_parked(self, world: World) -> None:
        await world.services.parked.park("commands", Received("m-1", "order-1", 1, b"{}"), FAILED)
        parked = ParkedStream("order-1", 1, 1, 1, "OrderPlaced", "failed", "k", "no", "trace", 5, NOON)
        for consumer in ("sales@2", "relay"):
            await world.services.parked_streams.park(consumer, parked)
        found = await shown(world)
        assert [*OF_THE_FEED, *OF_THE_BUS] == [each["consumer"] for each in found["consumers"]]
        assert {"sales@2": 1, "relay": 1, "commands": 1} == {
            each["consumer"]: each["parked"] for each in found["consumers"] if each["parked"]
        }
        nothing = {"documents": None, "seconds": None, "state": None}
        assert {"consumer": "commands", "parked": 1, **nothing} == found["consumers"][len(OF_THE_FEED)]
        assert "degraded" == found["status"]

    @pytest.mark.parametrize(
        ("lags", "worst"),
        [
            ([("owned", 0, 0.0), ("owned", 7, 3.14), ("owned", 9, 3.0)], (7, 3.1, "owned")),
            ([("owned", 7, 30.0), ("expired", 0, 0.0)], (0, 0.0, "expired")),
            ([("unowned", 7, 30.0), ("missing", None, None), ("owned", 99, 99.0)], (None, None, "missing")),
        ],
    )
    async def test_a_consumer_is_as_far_behind_as_its_worst_partition(
        self, world: World, lags: Sequence[tuple[State, int | None, float | None]], worst: tuple[Any, ...]
    ) -> None:
        found = await overview_with(
            world,
            Health(NOON, "up", "up", [PartitionLag("sales", "00-FF", *each) for each in lags], {"sales@2": 0}),
        )
        (consumer,) = found["consumers"]
        assert worst == (consumer["documents"], consumer["seconds"], consumer["state"])

    @pytest.mark.parametrize(
        ("health", "status"),
        [
            (Health(NOON, "up", "unused"), "well"),
            (Health(NOON, "up", "up", parked={"sales@2": 1}), "degraded"),
            (Health(NOON, "down", "up"), "down"),
            (Health(NOON, "up", "down"), "down"),
        ],
    )
    async def test_the_status_is_that_of_the_service(self, world: World, health: Health, status: str) -> None:
        assert status == (await overview_with(world, health))["status"]


class TestDeadLetters:
    async def test_they_are_counted_by_the_entity_where_they_ended(self, world: World) -> None:
        await placed(world, "k-1")
        await world.settle()
        for number in (1, 2):
            world.bus.bury("commands", Received(f"m-{number}", "order-1", number, b"{}"), "crashed", "")
        entities = ("commands", "reactions", "notifications", "events/notifications")
        counts = dict.fromkeys(entities, 0) | {"commands": 2}
        assert [{"entity": name, "count": count} for name, count in counts.items()] == (await shown(world))[
            "deadLetters"
        ]

    async def test_a_bus_that_does_not_say_keeps_nothing_else_from_being_told(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def away(*_: object) -> Sequence[DeadLetter]:
            raise Unavailable("away")

        monkeypatch.setattr(world.bus, "dead_letters", away)
        found = await shown(world)
        assert (None, "down") == (found["deadLetters"], found["status"])
        assert {"placed": 0, "awaitingPayment": 0, "confirmed": 0} == found["open"]

    async def test_a_bus_that_hangs_is_waited_for_no_longer_than_that(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def hanging(*_: object) -> Sequence[DeadLetter]:
            await asyncio.Event().wait()
            return ()

        monkeypatch.setattr(world.bus, "dead_letters", hanging)
        monkeypatch.setattr(world.bus, "in_use", lambda: False)
        monkeypatch.setattr(dead_letters, "_LIFETIME", 0.01)
        assert (await shown(world))["deadLetters"] is None

    async def test_sales_do_not_wait_for_a_bus_that_is_asked_again(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What it said ten seconds ago is told, until it has answered."""
        overviews = Overviews(READ_MODELS, lambda: world.now.timestamp())
        request = func.HttpRequest("GET", "http://localhost/api", body=b"")
        first = await overviews.read(world.services, request)
        assert first["deadLetters"] is not None
        slow = asyncio.Event()

        async def asked(*_: object) -> Sequence[DeadLetter]:
            await slow.wait()
            return ()

        monkeypatch.setattr(world.bus, "dead_letters", asked)
        world.now += timedelta(seconds=FRESH_FOR)
        async with asyncio.timeout(5):
            assert first["deadLetters"] == (await overviews.read(world.services, request))["deadLetters"]
        slow.set()


async def overview_with(world: World, health: Health) -> Any:
    class Found:
        async def recent(self, *_: object) -> Health:
            return health

    services = replace(world.services, health=cast(HealthCheck, Found()))
    request = func.HttpRequest("GET", "http://localhost/api", body=b"")
    return await Overviews(READ_MODELS).read(services, request)


class TestGenerations:
    async def test_another_one_that_serves_is_what_is_counted(self, world: World) -> None:
        """Views of a generation that does not serve, or not yet, are no orders."""
        await placed(world, "k-1")
        await world.settle()
        for generation in (0, 2, 10):
            key = ViewKey(f"{generation}~order-1", f"{generation}~order-1")
            document = {"id": key.id, "position": 1, "view": {"status": "placed"}}
            await world.views.put("order-details", key, document, None)
        assert 1 == (await shown(world))["open"]["placed"]

    async def test_one_that_this_build_lacks_is_told_to_try_again(
        self, world: World, caplog: pytest.LogCaptureFixture
    ) -> None:
        await world.services.generations.store.put("sales", begun(1), None)
        response = await answered(world)
        assert 503 == response.status_code
        assert "sales is kept at generation 1, which this build does not have: deploy a build" in caplog.text
        assert "make a newer one with `operate projections rebuild sales`" in caplog.text
