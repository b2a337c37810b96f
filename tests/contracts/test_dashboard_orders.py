"""The dashboard over Cosmos DB: what it costs, and what it says of what a stranger has put into the store."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from composition.provisioning import provision_database
from composition.services import build
from domain.fulfilment.events import FulfilmentStarted
from domain.money import Money
from domain.order.aggregate import ORDER
from domain.order.commands import CancelOrder, PlaceOrder
from domain.order.events import OrderLine
from domain.registry import FULFILMENT
from domain.stock.aggregate import STOCK
from domain.stock.commands import ReceiveStock, ReserveStock
from emulators.cosmos.records import RequestRecord
from emulators.cosmos.server import CosmosServer
from engine.deciding.process import Issued
from engine.messaging.envelope import CommandEnvelope, Origin
from engine.messaging.topology import COMMAND_QUEUE
from engine.reacting.relay import issued_id
from engine.services import Services
from engine.storing.cosmos_account import open_client
from engine.storing.events import Metadata, StoredEvent
from engine.storing.port import Head
from engine.testing.times import NOON
from projections.order_details import ORDER_DETAILS
from tests.engine.contexts import context
from tests.rest import Answered, Functions, functions, send
from tests.settings import settings_for

ORDER_ID = "o-1"
SKUS = ("cup", "mug", "poster")
EUR = Money(100, "EUR")


@dataclass(frozen=True)
class Desk:
    server: CosmosServer
    services: Services
    functions: Functions

    async def ask(self, what: str, **params: str) -> Answered:
        return await send(self.functions, "read_dashboard", params=params, what=what)

    async def requests_of(self, what: str, **params: str) -> tuple[Answered, Sequence[RequestRecord]]:
        self.server.requests.clear()
        return await self.ask(what, **params), list(self.server.requests)

    async def place(self) -> None:
        lines = tuple(OrderLine(sku, 1, EUR) for sku in SKUS)
        envelope = context("place").to(ORDER.stream_id(ORDER_ID), PlaceOrder(ORDER_ID, "ada", lines))
        await self.services.commands.handle(ORDER, envelope)

    async def reserve(self) -> None:
        """The process of the order has asked for each sku, and the stock has answered."""
        issued = tuple(Issued(STOCK.category, sku, ReserveStock(sku, ORDER_ID, 1)) for sku in SKUS)
        (placed,) = await self.services.queries.store.read(ORDER.stream_id(ORDER_ID))
        name, schema, data = self.services.queries.codec.encode(FulfilmentStarted(ORDER_ID, EUR, issued))
        # The host of the process has a clock of its own.
        metadata = Metadata("started", NOON, "place", placed.metadata.event_id, "", "fulfilment", "f")
        started = StoredEvent(FULFILMENT.stream_id(ORDER_ID), 1, name, schema, "started/0", data, metadata)
        await self.services.queries.store.append(started.stream_id, Head(0, ""), [started])
        for index, each in enumerate(issued):
            command_id = issued_id("started", index)
            origin = Origin("fulfilment", "place", "started", "")
            asked = CommandEnvelope(STOCK.stream_id(each.entity_id), each.command, command_id, command_id, origin)
            await self.services.commands.handle(STOCK, asked)

    async def receive(self, count: int) -> None:
        for sku in SKUS:
            for number in range(count):
                receipt = context(f"{sku}-{number}").to(STOCK.stream_id(sku), ReceiveStock(sku, 1))
                await self.services.commands.handle(STOCK, receipt)


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with CosmosServer.start() as server:
        settings = settings_for(server.connection_string)
        await provision_database(settings, lambda _: None)
        async with build(settings) as services:

            async def connected() -> Services:
                return services

            yield Desk(server, services, functions(connected))


async def stray(desk: Desk, item_id: str, **wrong: Any) -> None:
    """A stranger's script copies the first event of the order under another id, and gets it wrong."""
    settings = settings_for(desk.server.connection_string)
    async with open_client(settings.engine.cosmos) as client:
        events = client.get_database_client("orders").get_container_client("events")
        first = await events.read_item("0000000001", ORDER.stream_id(ORDER_ID))
        own = {name: value for name, value in first.items() if not name.startswith("_")}
        await events.create_item({**own, "id": item_id, "commandKey": f"stray-{item_id}/0", **wrong})


async def test_a_story_costs_a_query_for_each_stream_and_sku_however_much_the_stock_has_seen(desk: Desk) -> None:
    await desk.place()
    await desk.receive(1)
    await desk.reserve()
    few, requests = await desk.requests_of("order", id=ORDER_ID)
    assert ["OrderPlaced", "FulfilmentStarted", *["StockReserved"] * 3] == [each["type"] for each in few.body["events"]]
    assert ["query"] * (3 + len(SKUS)) == [each.kind for each in requests]

    await desk.receive(40)
    many, requests = await desk.requests_of("order", id=ORDER_ID)
    assert few.body == many.body
    assert ["query"] * (3 + len(SKUS)) == [each.kind for each in requests]
    assert few.headers["x-request-charge"] == many.headers["x-request-charge"]
    assert float(many.headers["x-request-charge"]) < 20


async def test_a_search_asks_all_partitions_once_for_the_conversation(desk: Desk) -> None:
    await desk.place()
    await desk.ask("search", q="place")
    found, requests = await desk.requests_of("search", q="place")
    assert [(ORDER_ID, "correlation")] == [(each["orderId"], each["by"]) for each in found.body["orders"]]
    assert 1 == sum(each.kind == "query" and each.partition_key is None for each in requests)
    # Once its view is there, 1 RU in place of a query and a point read that finds nothing.
    assert float(found.headers["x-request-charge"]) < 16


async def test_what_a_stranger_has_put_into_a_stream_is_named_beside_its_events(desk: Desk) -> None:
    await desk.place()
    cancel = context("cancel").to(ORDER.stream_id(ORDER_ID), CancelOrder("no"))
    await desk.services.commands.handle(ORDER, cancel)
    await stray(desk, "0000000001b")
    await stray(desk, "0000000003", version=3, metadata=None)
    await stray(desk, "a note", version=None)
    story = (await desk.ask("order", id=ORDER_ID)).body
    assert ["OrderPlaced", "OrderCancelled"] == [each["type"] for each in story["events"]]
    assert ["0000000001b", "0000000003", "a note"] == [each["id"] for each in story["unreadable"]]
    state = await desk.ask("state", id=ORDER_ID, version="2")
    assert (409, "urn:problem-type:stream-unreadable") == (state.status, state.body["type"])
    assert state.body["detail"].startswith("event 1 of stream order-o-1: its id and its version differ")


async def test_a_store_whose_replicas_lag_is_not_taken_for_one_without_the_order() -> None:
    async with CosmosServer.start(lag=5, seed=3) as server:
        settings = settings_for(server.connection_string)
        await provision_database(settings, lambda _: None)
        async with build(settings) as ours, build(settings) as theirs:

            async def connected() -> Services:
                return theirs

            for number in range(20):
                order_id = f"o-{number}"
                placing = PlaceOrder(order_id, "ada", (OrderLine("mug", 1, EUR),))
                await ours.commands.handle(ORDER, context(f"k-{number}").to(ORDER.stream_id(order_id), placing))
                answer = await send(functions(connected), "read_dashboard", params={"id": order_id}, what="order")
                assert answer.status in (200, 503)


@pytest.mark.parametrize("consumer", [COMMAND_QUEUE, ORDER_DETAILS.consumer])
@pytest.mark.parametrize("name", ["<b>", "a/b\\c?d#e", "\u202egnp", "x" * 2_000, "index", "streams"])
async def test_no_name_is_too_odd_to_be_asked_for(desk: Desk, consumer: str, name: str) -> None:
    assert 404 == (await desk.ask("payload", consumer=consumer, name=name)).status
    answer = await send(desk.functions, "release_parked", {"consumer": consumer, "name": name})
    assert 404 == answer.status


async def test_without_a_bus_what_is_parked_is_listed(desk: Desk) -> None:
    answer = await desk.ask("waiting")
    assert {"parked": [], "deadLetters": None, "more": False} == answer.body
