"""What the bus carries while Cosmos DB is away, and one trace from a request to the notification of its end."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest
from aiohttp import web

from composition.services import build
from composition.settings import Settings
from domain.stock.aggregate import STOCK
from domain.stock.commands import ReceiveStock
from engine.messaging.port import send_all
from engine.messaging.topology import COMMAND_QUEUE
from tests.e2e.drained import nothing_is_dead, nothing_is_under_way
from tests.e2e.insistent import insistent_client
from tests.e2e.judge import judge_of
from tests.e2e.parts import parts
from tests.e2e.stack import eventually
from tests.engine.contexts import context
from tests.registered import ENVELOPES

SECRET: Final = "geheim"
TRACE_ID: Final = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.mark.timeout(180)
async def test_commands_that_wait_while_cosmos_db_is_away_are_carried_out_when_it_is_back(tmp_path: Path) -> None:
    """Guards handlers that wait inside: no message is given up, parked or overtaken by an outage of the store."""
    skus = [f"sku-{number}" for number in range(4)]
    with parts(tmp_path) as running:
        async with build(Settings.from_mapping(running.environment)) as services, insistent_client(running) as client:
            first = await client.post("/stock/sku-0/receipts", {"quantity": 1}, Prefer="respond-async")
            assert 202 == first.status
            await nothing_is_under_way(running)
            await asyncio.to_thread(running.stop, "cosmos")
            keys = {sku: [f"{sku}-{number}" for number in range(5)] for sku in skus}
            messages = [
                ENVELOPES.command_message(context(key).to(STOCK.stream_id(sku), ReceiveStock(sku, 1)))
                for sku in skus
                for key in keys[sku]
            ]
            await send_all(services.bus, COMMAND_QUEUE, messages)
            # Each of the four sessions waits, again and again.
            await asyncio.to_thread(running.says, "functions", r"message \S+ of commands waits: ", 12)
            await asyncio.to_thread(running.start_again, "cosmos")
            await nothing_is_under_way(running)
        async with judge_of(running) as judge:
            for sku in skus:
                already = 1 if sku == skus[0] else 0
                received = await judge.stream(STOCK, sku)
                assert keys[sku] == [stored.command_id for stored in received.stored][already:]
            await judge.nothing_is_parked()
        await nothing_is_dead(running)


@dataclass
class Receiver:
    """Takes notifications, and remembers them."""

    notified: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        self.notified.append(({name.lower(): value for name, value in request.headers.items()}, await request.read()))
        return web.Response(status=204)


@asynccontextmanager
async def receiver_at() -> AsyncIterator[tuple[Receiver, str]]:
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/hook", receiver.take)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        yield receiver, f"http://127.0.0.1:{port}/hook"
    finally:
        await runner.cleanup()


@pytest.mark.timeout(120)
async def test_one_trace_leads_from_the_request_to_the_notification(tmp_path: Path) -> None:
    """Guards trace and correlation along the whole way: request, order, process, stock, order again, webhook."""
    traceparent = f"00-{TRACE_ID}-00f067aa0ba902b7-01"
    line = {"sku": "mug", "quantity": 1, "unitPrice": {"amount": "1.00", "currency": "EUR"}}
    async with receiver_at() as (receiver, url):
        with parts(tmp_path, NOTIFICATIONS_WEBHOOK=url, NOTIFICATIONS_SECRET=SECRET) as running:
            async with insistent_client(running) as client:
                placed = await client.post(
                    "/orders", {"customerId": "ada", "lines": [line]}, "k-1", traceparent=traceparent
                )
                order_id = placed.body["orderId"]

                async def count() -> int:
                    return len(receiver.notified)

                await eventually(1, count)
                story = (await client.get(f"/orders/{order_id}/events?all=true&minVersion=2")).body["events"]
                stock = (await client.get("/stock/mug/events?minVersion=1")).body["events"]
    events = [*story, *stock]
    assert {"OrderPlaced", "FulfilmentStarted", "StockReservationRefused", "OrderCancelled"} <= {
        event["type"] for event in events
    }
    assert {TRACE_ID} == {event["traceparent"].split("-")[1] for event in events}
    assert 1 == len({event["correlationId"] for event in events})
    known = {event["eventId"] for event in events}
    causes = {event["type"]: event["causationId"] for event in events}
    assert ["OrderPlaced"] == [type_ for type_, cause in causes.items() if cause not in known]

    headers, body = receiver.notified[0]
    cancelled = next(event for event in story if event["type"] == "OrderCancelled")
    assert (cancelled["eventId"], "OrderCancelled") == (json.loads(body)["eventId"], json.loads(body)["type"])
    assert (cancelled["eventId"], TRACE_ID) == (headers["x-event-id"], headers["traceparent"].split("-")[1])
    stamp = headers["x-signature"].split(",")[0].removeprefix("t=")
    expected = hmac.new(SECRET.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    assert f"t={stamp},v1={expected}" == headers["x-signature"]
