"""`operate demo`: the flash sale shows what happens while it happens, and there is something to practise on."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from azure.servicebus import NEXT_AVAILABLE_SESSION
from azure.servicebus.aio import ServiceBusClient

from composition.provisioning import provision_database
from composition.services import build
from composition.settings import Settings
from demo import flash_sale, poller, practice
from demo.client import Answered, Client
from demo.poller import Poller
from emulators.cosmos.server import CosmosServer
from emulators.servicebus.config import read_config
from emulators.servicebus.server import ServiceBusServer
from engine.consuming.messages import Delivery
from engine.messaging.port import Received
from engine.messaging.topology import COMMAND_QUEUE
from engine.services import Services
from operate import parked
from operate.failure import CommandFailed
from tests.registered import bus_config
from tests.settings import NO_BUS

ORDERS = 250
EVENTS = 100
"""On a page."""


@dataclass
class Shop:
    """A service that has reserved `units`, and asks for the payments of those orders; the rest it cancels at last.

    It notes what it was asked, and how many requests were under way at a time.
    """

    units: int
    order_ids: list[str] = field(default_factory=lambda: [f"o-{number:03}" for number in range(ORDERS)])
    paid: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    sold_out: bool = False

    async def get(self, path: str) -> Any:
        return (await self.ask(path)).body

    async def ask(self, path: str) -> Answered:
        self.asked.append(path)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0.001)
        self.at_once -= 1
        return self._answer(path)

    async def post(self, path: str, _: Mapping[str, Any]) -> Any:
        await asyncio.sleep(0.001)
        self.paid.append(path.split("/")[2])
        return {}

    @property
    def _reserved(self) -> list[str]:
        """Not those that were placed first."""
        return self.order_ids[ORDERS - self.units :]

    def _answer(self, path: str) -> Answered:
        if path.endswith("/payment"):
            known = path.split("/")[2] in self._reserved
            return Answered(200, {"status": "requested"}) if known else Answered(404, {"title": "Not found"})
        if path == "/stock/s":
            return Answered(200, {"reserved": self.units})
        begin = int((re.search(r"continuation=(\d+)", path) or [0, 0])[1])
        return self._events(begin) if path.startswith("/stock/s/events") else self._page(begin)

    def _events(self, begin: int) -> Answered:
        kinds = {True: "StockReserved", False: "StockReservationRefused"}
        shown = self.order_ids[begin : begin + EVENTS]
        events = [{"type": kinds[each in self._reserved], "data": {"orderId": each}} for each in shown]
        more = {"continuation": str(begin + EVENTS)} if begin + EVENTS < ORDERS else {}
        return Answered(200, {"events": events} | more)

    def _page(self, begin: int) -> Answered:
        newest_first = self.order_ids[::-1][begin : begin + 100]
        more = {"continuation": str(begin + 100)} if begin + 100 < ORDERS else {}
        return Answered(
            200, {"orders": [{"orderId": each, "status": self._status(each)} for each in newest_first]} | more
        )

    def _status(self, order_id: str) -> str:
        if order_id in self.paid:
            return "confirmed"
        return "cancelled" if self.sold_out and order_id not in self._reserved else "placed"


def poller_of(shop: Shop) -> Poller:
    return Poller(cast(Client, shop), "s", ORDERS, placed=list(shop.order_ids))


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(poller, "_LOOK_SECONDS", 0.01)
    monkeypatch.setattr(poller, "_PAY_SECONDS", 0.01)


class TestThePoller:
    async def test_payments_are_reported_while_other_orders_are_still_open(self) -> None:
        shop = Shop(40)
        looking = poller_of(shop)
        task = asyncio.create_task(looking.until_all_are_decided())
        async with asyncio.timeout(10):
            while looking.count("confirmed") < 40:  # noqa: ASYNC110 - it is what is seen that counts
                await asyncio.sleep(0.001)
        assert 0 == looking.count("cancelled")
        assert len(shop.paid) == len(looking.paid) == len(looking.asked) == 40
        assert not task.done()
        shop.sold_out = True
        await task
        assert ORDERS - 40 == looking.count("cancelled")
        assert looking.decided_at > 0

    async def test_it_asks_side_by_side_and_not_too_much(self) -> None:
        shop = Shop(40)
        shop.sold_out = True
        await poller_of(shop).until_all_are_decided()
        assert 4 < shop.most_at_once <= 16 + 2
        payments = [path for path in shop.asked if path.endswith("/payment")]
        assert 40 == len(payments)
        pages = [path.partition("limit=500")[2] for path in shop.asked if path.startswith("/stock/s/events")]
        assert ["", "&continuation=100", "&continuation=200"] == pages

    async def test_nobody_is_asked_for_a_payment_before_a_unit_is_reserved(self) -> None:
        shop = Shop(0)
        shop.sold_out = True
        await poller_of(shop).until_all_are_decided()
        assert not [path for path in shop.asked if path.endswith("/payment") or "/events" in path]

    async def test_pages_of_decided_orders_are_not_read_again(self) -> None:
        """The newest come first, and the oldest are decided first."""
        shop = Shop(1)
        looking = poller_of(shop)
        looking.statuses = dict.fromkeys(shop.order_ids[:-50], "cancelled")
        await looking._look_at_the_orders()
        assert ["/customers/s/orders?limit=100"] == shop.asked

    async def test_what_fails_ends_it(self) -> None:
        class Away(Shop):
            async def ask(self, path: str) -> Answered:
                raise CommandFailed("the service is away")

        with pytest.raises(CommandFailed, match=r"^the service is away$"):
            await poller_of(Away(1)).until_all_are_decided()


async def test_a_service_that_fails_in_the_midst_of_a_sale_is_one_error(capsys: pytest.CaptureFixture[str]) -> None:
    async def answer(request: web.Request) -> web.Response:
        if request.path.endswith("/receipts"):
            return web.json_response({})
        if request.method == "GET":
            return web.json_response({"reserved": 0, "orders": []})
        return web.json_response({"title": "Broken"}, status=500)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    async with CosmosServer.start(port=0) as cosmos, TestServer(app) as server:
        url = str(server.make_url("")).rstrip("/")
        environment = {"COSMOS": cosmos.connection_string, "COSMOS_DATABASE": "orders", "SERVICEBUS": NO_BUS}
        with pytest.raises(CommandFailed, match=r"^POST /orders was answered 500: "):
            await flash_sale.run(url, environment, flash_sale.Sale(1, 9, 3), as_json=True)
    assert "0 of 9 placed, 0 of 1 payments asked for, 0 of 1 paid" in capsys.readouterr().err


@dataclass
class Desk:
    environment: Mapping[str, str]
    services: Services
    bus: ServiceBusClient

    async def consume(self) -> None:
        """As the functions of the service do, session by session."""
        while True:
            receiver = self.bus.get_queue_receiver(COMMAND_QUEUE, session_id=NEXT_AVAILABLE_SESSION, max_wait_time=0.5)
            async with receiver:
                async for message in receiver:
                    received = Received(
                        message.message_id or "",
                        message.session_id,
                        message.sequence_number or 0,
                        b"".join(message.body),
                    )
                    await self.services.messages.attempt(self.services.consumers[COMMAND_QUEUE], Delivery(received))
                    await receiver.complete_message(message)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    entities = read_config(bus_config(tmp_path))
    async with CosmosServer.start(port=0) as cosmos, ServiceBusServer.start(entities) as bus:
        environment = {
            "COSMOS": cosmos.connection_string,
            "COSMOS_DATABASE": "orders",
            "SERVICEBUS": bus.connection_string,
        }
        settings = Settings.from_mapping(environment)
        await provision_database(settings, lambda _: None)
        client = ServiceBusClient.from_connection_string(bus.connection_string)
        async with build(settings) as services, client:
            yield Desk(environment, services, client)


async def test_what_is_practised_is_parked_and_every_command_answers_as_it_was_said(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    consuming = asyncio.create_task(desk.consume())
    await practice.run(desk.environment)
    consuming.cancel()
    await asyncio.gather(consuming, return_exceptions=True)
    told = capsys.readouterr().out
    key, session = re.findall(r"^  (\S+)$", told, re.MULTILINE)[:2]
    assert f"parked release commands --name {session}" in told
    assert f"parked release commands --name {key}" in told

    await parked.list_all(desk.environment, COMMAND_QUEUE, as_json=False)
    _, *rows = capsys.readouterr().out.splitlines()
    assert [[COMMAND_QUEUE, session, "2"], [COMMAND_QUEUE, key, "1"]] == [row.split()[:3] for row in rows]

    await parked.show(desk.environment, COMMAND_QUEUE, session, as_json=False)
    shown = capsys.readouterr().out
    assert shown.index("-first") < shown.index("-second")
    await parked.show(desk.environment, COMMAND_QUEUE, key, as_json=False)
    assert "{ this is no JSON" in capsys.readouterr().out

    await parked.release(desk.environment, COMMAND_QUEUE, [session], everything=False, as_json=False)
    assert [COMMAND_QUEUE, session, "yes"] == capsys.readouterr().out.splitlines()[1].split()
    events = await desk.services.commands.store.read(session)
    assert ["StockReceived", "StockReceived"] == [event.type for event in events]

    with pytest.raises(CommandFailed, match="1 of 1 are still parked"):
        await parked.release(desk.environment, COMMAND_QUEUE, [key], everything=False, as_json=False)
    assert [COMMAND_QUEUE, key, "no"] == capsys.readouterr().out.splitlines()[1].split()[:3]

    await practice.remove(desk.environment)
    assert "1 removed\n" == capsys.readouterr().out
    await parked.list_all(desk.environment, None, as_json=True)
    assert "" == capsys.readouterr().out


async def test_where_no_service_runs_it_says_so_and_what_is_there_can_be_removed(
    desk: Desk, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(practice, "_PATIENCE_SECONDS", 0.2)
    with pytest.raises(CommandFailed, match="does it run\\? `make run` starts it"):
        await practice.run(desk.environment)
    await practice.remove(desk.environment)
    assert "1 removed\n" == capsys.readouterr().out
    assert not await desk.services.parked.sessions(COMMAND_QUEUE)
