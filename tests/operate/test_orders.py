"""`operate orders` over a store and a bus with an order that does not go on."""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from azure.servicebus.aio import ServiceBusClient

from composition.domain import READ_MODELS
from composition.provisioning import provision_database
from composition.services import build
from composition.settings import Settings
from domain.fulfilment.events import FulfilmentStarted
from domain.money import Money
from domain.order.aggregate import ORDER
from domain.order.commands import CancelOrder, PlaceOrder
from domain.order.events import OrderLine, OrderPlaced
from domain.registry import FULFILMENT
from domain.stock.aggregate import STOCK
from domain.stock.commands import ReserveStock
from emulators.cosmos.server import CosmosServer
from emulators.servicebus.config import read_config
from emulators.servicebus.server import ServiceBusServer
from engine.clock import utc_now
from engine.consuming.parked.port import Failure
from engine.consuming.parked_streams.port import ParkedStream
from engine.messaging.port import Message, Received, send_all
from engine.messaging.topology import COMMAND_QUEUE, REACTION_QUEUE
from engine.reacting.relay import CONSUMER, issued_id
from engine.services import Services
from engine.storing.cosmos_account import open_client
from operate.exit_status import ExitStatus
from operate.failure import CommandFailed
from operate.folding import Moment
from support import orders
from tests.engine.contexts import context
from tests.registered import bus_config
from tests.settings import NO_BUS

STREAM, PROCESS = "order-o-1", "fulfilment-o-1"
LINES = (OrderLine("mug", 2, Money(1250, "EUR")),)
PLACED = OrderPlaced("o-1", "ada", LINES)


@dataclass(frozen=True)
class Desk:
    environment: Mapping[str, str]
    services: Services

    async def place(self, order_id: str) -> None:
        placing = PlaceOrder(order_id, "ada", LINES)
        await self.services.commands.handle(ORDER, context(f"c-{order_id}").to(ORDER.stream_id(order_id), placing))

    async def feed(self) -> None:
        """Brings to the read models what the change feed would bring."""
        feed = self.services.lags.feed
        items = [item for where in await feed.ranges() for item in (await feed.read(where, None, 1_000)).items]
        for each in READ_MODELS:
            await self.services.feeding.run(each, items)

    async def react(self) -> None:
        """Has the process hear of the placement."""
        await self.services.commands.handle(FULFILMENT, context("r-1").to(PROCESS, PLACED))


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with CosmosServer.start(port=0) as server:
        environment = {"COSMOS": server.connection_string, "COSMOS_DATABASE": "orders", "SERVICEBUS": NO_BUS}
        settings = Settings.from_mapping(environment)
        await provision_database(settings, lambda _: None)
        async with build(settings) as services:
            desk = Desk(environment, services)
            await desk.place("o-1")
            yield desk


def line(capsys: pytest.CaptureFixture[str]) -> Mapping[str, Any]:
    told: Mapping[str, Any] = json.loads(capsys.readouterr().out)
    return told


async def test_an_order_is_shown_as_it_is_and_as_it_was(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    await desk.services.commands.handle(ORDER, context("c-cancel").to(STREAM, CancelOrder("no")))
    await orders.show(desk.environment, "o-1", Moment(), as_json=True)
    shown = line(capsys)
    assert ("cancelled", 2, {"amount": "25.00", "currency": "EUR"}) == (
        shown["status"], shown["version"], shown["total"]
    )  # fmt: skip
    await orders.show(desk.environment, "o-1", Moment(version=1), as_json=True)
    assert "placed" == line(capsys)["status"]
    await orders.show(desk.environment, "o-1", Moment(), as_json=False)
    told = capsys.readouterr().out.splitlines()
    assert ["reason        no", "total         25.00 EUR"] == sorted(
        each for each in told if each.startswith(("reason", "total"))
    )
    assert ["mug", "2", "12.50", "EUR"] == told[-1].split()
    with pytest.raises(CommandFailed, match="there is no order 'o-1', or not yet then") as raised:
        await orders.show(desk.environment, "o-1", Moment(version=3), as_json=True)
    assert ExitStatus.UNKNOWN == raised.value.status


async def test_the_events_of_its_streams_come_by_time_and_say_nothing_unless_asked(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    await desk.react()
    await orders.events(desk.environment, "o-1", 200, payload=False, as_json=True)
    told = capsys.readouterr().out
    assert "ada" not in told
    shown = [(each["stream"], each["type"]) for each in map(json.loads, told.splitlines())]
    assert [(STREAM, "OrderPlaced"), (PROCESS, FulfilmentStarted.__name__)] == shown
    await orders.events(desk.environment, "o-1", 1, payload=True, as_json=True)
    cut = capsys.readouterr()
    assert "ada" == json.loads(cut.out)["data"]["customerId"]
    assert "these are the first 1: give a higher --limit\n" == cut.err
    with pytest.raises(CommandFailed, match="there is no order 'o-9'"):
        await orders.events(desk.environment, "o-9", 1, payload=False, as_json=True)


async def test_the_orders_of_a_customer_are_found_newest_first(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    await desk.place("o-2")
    await desk.feed()
    await orders.find(desk.environment, "ada", 20, as_json=True)
    found = [json.loads(each)["orderId"] for each in capsys.readouterr().out.splitlines()]
    assert ["o-2", "o-1"] == found
    await orders.find(desk.environment, "ada", 1, as_json=False)
    told = capsys.readouterr()
    assert "25.00 EUR" in told.out
    assert "these are the newest 1: give a higher --limit\n" == told.err
    with pytest.raises(CommandFailed, match="the history has no order of a customer 'bob'") as raised:
        await orders.find(desk.environment, "bob", 20, as_json=True)
    assert ExitStatus.UNKNOWN == raised.value.status


class TestWhy:
    async def test_what_is_parked_of_its_streams_is_in_its_way_and_what_is_of_others_is_not(
        self, desk: Desk, capsys: pytest.CaptureFixture[str]
    ) -> None:
        failure, at = Failure("ValueError: a defect", "Traceback …", 5, utc_now()), utc_now()
        stream = ParkedStream(STREAM, 1, 1, 1, "OrderPlaced", "failed", "k", "KeyError: x", "Traceback …", 5, at)
        parked = desk.services.parked
        await desk.services.parked_streams.park(CONSUMER, stream)
        await desk.services.parked_streams.park("order-details@1", stream)
        await parked.park(COMMAND_QUEUE, Received("m-1", "payment-o-1", 1, b"{}"), failure)
        await parked.park(COMMAND_QUEUE, Received("m-2", "payment-o-2", 2, b"{}"), failure)
        await parked.park_alone(REACTION_QUEUE, Received("m-3", None, 3, b'{"orderId": "o-1"}'), failure)
        await parked.park_alone(REACTION_QUEUE, Received("m-4", None, 4, b'{"orderId": "o-2"}'), failure)
        await orders.why(desk.environment, "o-1", as_json=True)
        told = line(capsys)
        obstacles = {(each["where"], each["name"].split()[0], each["says"]) for each in told["obstacles"]}
        assert {
            ("order-details@1", "stream", "KeyError: x"),
            ("relay", "stream", "KeyError: x"),
            ("commands", "session", "ValueError: a defect"),
            ("reactions", "message", "ValueError: a defect"),
            ("relay", "partition", "its lease is missing"),
        } == obstacles
        assert f"parked show relay {STREAM}" in told["look"]
        assert ["its process to hear of the placement"] == [each["what"] for each in told["waitsFor"]]

    async def test_what_waits_for_a_sku_has_the_parked_session_of_that_in_its_way(
        self, desk: Desk, capsys: pytest.CaptureFixture[str]
    ) -> None:
        await desk.react()
        failure = Failure("ValueError: a defect", "Traceback …", 5, utc_now())
        await desk.services.parked.park(COMMAND_QUEUE, Received("m-1", "stock-mug", 1, b"{}"), failure)
        await orders.why(desk.environment, "o-1", as_json=False)
        told = capsys.readouterr().out
        assert "It waits for mug to be reserved or refused, since " in told
        assert "Session stock-mug of commands is parked since " in told
        assert "  python -m operate parked show commands stock-mug" in told.splitlines()

    async def test_what_the_stock_has_done_and_the_process_has_not_heard_of_is_told(
        self, desk: Desk, capsys: pytest.CaptureFixture[str]
    ) -> None:
        await desk.react()
        (reaction,) = await desk.services.queries.store.read(PROCESS)
        asked = issued_id(reaction.metadata.event_id, 0)
        await desk.services.commands.handle(STOCK, context(asked).to("stock-mug", ReserveStock("mug", "o-1", 2)))
        await orders.why(desk.environment, "o-1", as_json=False)
        assert "It waits for its process to hear that mug is out of stock, since " in capsys.readouterr().out

    async def test_where_the_bus_is_away_the_rest_is_told(self, desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
        await orders.why(desk.environment, "o-1", as_json=False)
        assert "Whether a message of it is dead is not known: " in capsys.readouterr().out

    async def test_an_event_that_this_build_cannot_read_is_told(
        self, desk: Desk, capsys: pytest.CaptureFixture[str]
    ) -> None:
        settings = Settings.from_mapping(desk.environment).engine
        async with open_client(settings.cosmos) as client:
            events = client.get_database_client("orders").get_container_client("events")
            first = await events.read_item("0000000001", STREAM)
            newer = {**first, "id": "0000000002", "version": 2, "commandKey": "k/0", "schema": 9}
            await events.create_item(newer)
        await orders.why(desk.environment, "o-1", as_json=False)
        told = capsys.readouterr().out
        assert f"Event 2 of {STREAM} is unreadable: " in told
        assert f"  python -m operate streams show {STREAM} --from 2" in told.splitlines()

    async def test_an_order_of_which_nothing_can_be_read_says_where_to_look(self, desk: Desk) -> None:
        settings = Settings.from_mapping(desk.environment).engine
        async with open_client(settings.cosmos) as client:
            events = client.get_database_client("orders").get_container_client("events")
            await events.upsert_item({**await events.read_item("0000000001", STREAM), "schema": 9})
        with pytest.raises(CommandFailed, match=f"no event of {STREAM} can be read: `operate streams show {STREAM}"):
            await orders.why(desk.environment, "o-1", as_json=True)

    async def test_an_order_of_which_nothing_is_known_is_none(self, desk: Desk) -> None:
        with pytest.raises(CommandFailed, match="there is no order 'o-9'") as raised:
            await orders.why(desk.environment, "o-9", as_json=True)
        assert ExitStatus.UNKNOWN == raised.value.status


async def test_why_names_the_dead_letters_that_are_about_it(
    desk: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with ServiceBusServer.start(read_config(bus_config(tmp_path))) as bus:
        environment = {**desk.environment, "SERVICEBUS": bus.connection_string}
        client = ServiceBusClient.from_connection_string(bus.connection_string)
        async with build(Settings.from_mapping(environment)) as services, client:
            for number, (session, body) in enumerate(
                [("order-o-1", b"{}"), ("stock-cup", b'{"orderId": "o-1"}'), ("order-o-2", b"{}")]
            ):
                await send_all(services.bus, COMMAND_QUEUE, [Message(f"m-{number}", session, "X", body, "c")])
                async with client.get_queue_receiver(COMMAND_QUEUE, session_id=session) as receiver:
                    (each,) = await receiver.receive_messages(1, max_wait_time=10)
                    await receiver.dead_letter_message(each, "Broken", "it always crashes")
        await orders.why(environment, "o-1", as_json=True)
        told = line(capsys)
        dead = [each for each in told["obstacles"] if each["kind"] == "dead"]
        assert ["Broken it always crashes"] * 2 == [each["says"] for each in dead]
        assert {f"dead-letters show commands {number}" for number in (1, 2)} == {each["look"] for each in dead}
        assert "not known" not in told["text"]
