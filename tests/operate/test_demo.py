"""`operate demo`: the flash sale shows what happens while it happens, and there is something to practise on."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar, cast

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from azure.servicebus import NEXT_AVAILABLE_SESSION
from azure.servicebus.aio import ServiceBusClient

from composition.provisioning import provision_database
from composition.services import build
from composition.settings import Settings
from demo import flash_sale, practice, watcher
from demo.client import Client
from demo.watcher import Watcher
from emulators.cosmos.server import CosmosServer
from emulators.servicebus.config import read_config
from emulators.servicebus.server import ServiceBusServer
from engine.clock import utc_now
from engine.consuming.feed.port import WHOLE, EventFeed, FeedPage, FeedRange
from engine.consuming.messages import Delivery
from engine.consuming.parked.known import KEPT_FOR
from engine.messaging.port import Received, send_all
from engine.messaging.topology import COMMAND_QUEUE
from engine.services import Services
from operate import parked
from operate.exit_status import ExitStatus
from operate.failure import CommandFailed
from tests.registered import bus_config
from tests.settings import NO_BUS

ORDERS = 250
PAGE = 100


class Feed:
    """Has what was written, in one range; a position is how much of it was read."""

    def __init__(self) -> None:
        self.items: list[Mapping[str, Any]] = [{"type": "OrderConfirmed", "streamId": "order-old", "data": {}}]
        self.reads = 0

    def happened(self, kind: str, category: str, order_id: str) -> None:
        self.items.append({"type": kind, "streamId": f"{category}-{order_id}", "data": {"orderId": order_id}})

    async def ranges(self) -> list[FeedRange]:
        return [WHOLE]

    async def head(self, _: FeedRange) -> str:
        return str(len(self.items))

    async def read(self, _: FeedRange, after: str, __: int) -> FeedPage:
        self.reads += 1
        end = min(int(after) + PAGE, len(self.items))
        return FeedPage(self.items[int(after) : end], str(end), len(self.items))


@dataclass
class Shop:
    """Confirms the orders that are paid; it notes how many requests were under way at a time."""

    feed: Feed
    paid: list[str] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0

    async def post(self, path: str, _: Mapping[str, Any]) -> Any:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0.001)
        self.at_once -= 1
        order_id = path.split("/")[2]
        self.paid.append(order_id)
        self.feed.happened("OrderConfirmed", "order", order_id)
        return {}


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watcher, "_LOOK_SECONDS", 0.001)


async def watching(feed: Feed, shop: Shop) -> Watcher:
    return await Watcher.from_now(cast(Client, shop), cast(EventFeed, feed), ORDERS)


class TestTheWatcher:
    ORDER_IDS: ClassVar = [f"o-{number:03}" for number in range(ORDERS)]

    async def test_what_is_asked_for_is_paid_side_by_side_while_other_orders_are_still_open(self) -> None:
        feed = Feed()
        shop = Shop(feed)
        looking = await watching(feed, shop)
        looking.placed += self.ORDER_IDS
        task = asyncio.create_task(looking.until_all_are_decided())
        for order_id in self.ORDER_IDS[:40]:
            feed.happened("PaymentRequested", "payment", order_id)
        async with asyncio.timeout(10):
            while looking.count("confirmed") < 40:  # noqa: ASYNC110 - it is what is seen that counts
                await asyncio.sleep(0.001)
        assert 40 == len(shop.paid) == len(looking.paid) == len(looking.asked)
        assert (0, ORDERS - 40) == (looking.count("cancelled"), len(looking.undecided))
        assert 4 < shop.most_at_once <= 16
        assert not task.done()
        for order_id in self.ORDER_IDS[40:]:
            feed.happened("OrderCancelled", "order", order_id)
        await task
        assert ORDERS - 40 == looking.count("cancelled")
        assert looking.decided_at > 0

    async def test_what_comes_before_its_order_is_known_to_be_placed_is_not_forgotten(self) -> None:
        feed = Feed()
        shop = Shop(feed)
        looking = await watching(feed, shop)
        task = asyncio.create_task(looking.until_all_are_decided())
        for order_id in self.ORDER_IDS:
            feed.happened("PaymentRequested", "payment", order_id)
        before = feed.reads
        async with asyncio.timeout(10):
            while feed.reads < before + 10:  # noqa: ASYNC110 - it has looked at all of them by then
                await asyncio.sleep(0.001)
        looking.placed += self.ORDER_IDS
        await task
        assert sorted(shop.paid) == self.ORDER_IDS

    async def test_orders_of_others_and_streams_of_others_are_left_alone(self) -> None:
        feed = Feed()
        shop = Shop(feed)
        looking = await watching(feed, shop)
        looking.placed += self.ORDER_IDS
        feed.happened("PaymentRequested", "payment", "of-somebody-else")
        feed.happened("OrderCancelled", "fulfilment", self.ORDER_IDS[0])
        feed.items.append({"type": "PaymentRequested", "streamId": "payment-odd"})
        for order_id in self.ORDER_IDS:
            feed.happened("OrderConfirmed", "order", order_id)
        await looking.until_all_are_decided()
        assert (ORDERS, []) == (looking.count("confirmed"), shop.paid)

    async def test_what_fails_ends_it(self) -> None:
        class Away(Shop):
            async def post(self, path: str, _: Mapping[str, Any]) -> Any:
                raise CommandFailed("the service is away")

        feed = Feed()
        looking = await watching(feed, Away(feed))
        looking.placed += self.ORDER_IDS
        feed.happened("PaymentRequested", "payment", self.ORDER_IDS[0])
        with pytest.raises(ExceptionGroup) as failed:
            await looking.until_all_are_decided()
        assert "the service is away" in repr(failed.value.exceptions)


async def test_a_service_that_fails_in_the_midst_of_a_sale_is_one_error(capsys: pytest.CaptureFixture[str]) -> None:
    async def answer(request: web.Request) -> web.Response:
        if request.path.endswith("/receipts"):
            return web.json_response({})
        if request.method == "GET":
            return web.json_response({})
        return web.json_response({"title": "Broken"}, status=500)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    async with CosmosServer.start(port=0) as cosmos, TestServer(app) as server:
        url = str(server.make_url("")).rstrip("/")
        environment = {"COSMOS": cosmos.connection_string, "COSMOS_DATABASE": "orders", "SERVICEBUS": NO_BUS}
        await provision_database(Settings.from_mapping(environment), lambda _: None)
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
    desk: Desk, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def sent(*arguments: Any) -> None:
        """A service that had looked at what is parked just before has to look again by now."""
        (session,) = await desk.services.parked.sessions(COMMAND_QUEUE)
        parked_session = await desk.services.parked.session(COMMAND_QUEUE, session)
        assert parked_session is not None
        assert utc_now() - parked_session.failure.at >= timedelta(seconds=KEPT_FOR)
        await send_all(*arguments)

    monkeypatch.setattr("demo.practice.send_all", sent)
    consuming = asyncio.create_task(desk.consume())
    await practice.run(desk.environment)
    consuming.cancel()
    await asyncio.gather(consuming, return_exceptions=True)
    told = capsys.readouterr().out
    key, session = re.findall(r"^  (\S+)$", told, re.MULTILINE)[:2]
    assert f"parked release commands --name {session}" in told
    assert f"parked release commands --name '{key}'" in told
    assert f"parked discard commands --name '{key}'" in told

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

    with pytest.raises(CommandFailed, match="with --yes it is taken away") as refused:
        await parked.discard(desk.environment, COMMAND_QUEUE, key, yes=False)
    assert ExitStatus.FINDINGS == refused.value.status
    assert "{ this is no JSON" in capsys.readouterr().out

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
