"""Nothing that a user wrote and no secret is in what the processes print or export, whatever happens to them.

All of it has the same mark, which is looked for in every line, span and metric of a whole run.
"""

import asyncio
import contextlib
import json
import os
import re
import signal
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest
from aiohttp import web
from azure.cosmos.aio import ContainerProxy, CosmosClient
from azure.cosmos.exceptions import CosmosResourceNotFoundError
from yarl import URL

from composition.services import build
from composition.settings import Settings
from domain.order.aggregate import ORDER
from domain.order.commands import CancelOrder
from engine.messaging.port import Message
from engine.messaging.topology import COMMAND_QUEUE, REACTION_QUEUE
from tests.e2e.parts import BUS_KEY, COSMOS_KEY, Parts, parts
from tests.e2e.stack import eventually
from tests.e2e.telemetry.received import SOON, receiver
from tests.engine.contexts import context
from tests.registered import ENVELOPES

MARK: Final = "qx7z"
SECRETS: Final = (MARK, BUS_KEY, COSMOS_KEY)


def private(what: str) -> str:
    """A text that nobody but its user may read."""
    return f"{MARK}-{what}"


KEY, MASTER_KEY = private("function-key"), private("master-key")

OF_THE_HOST: Final = re.compile(r"^\S+ \[\d\] \w+ \d{3} (GET|POST) \S+ \d+ ms$", re.MULTILINE)
"""The host's own line of a request, which names its path, as the host's telemetry does in Azure."""

MALFORMED: Final = (
    f'{{"customerId": "{private("cut-off")}", "lines": '.encode(),
    f'"{private("a-text")}"'.encode(),
    f'{{"customerId": "{private("no-utf-8")}'.encode() + b'\xff", "lines": []}',
    json.dumps({"customerId": [private("in-a-list")], "lines": private("no-lines")}).encode(),
    json.dumps({"customerId": private("with spaces in it"), "lines": []}).encode(),
    json.dumps({"customerId": private("x" * 100), "lines": []}).encode(),
    json.dumps({"customerId": "ada", "email": private("of-an-unknown-field"), "lines": []}).encode(),
)

HEADERS: Final = (
    {"Idempotency-Key": private("k" * 120)},
    {"If-Match": private("if-match")},
    {"traceparent": private("traceparent")},
    {"x-functions-key": private("wrong-key")},
)

PATHS: Final = (
    f"/orders/{private('order')}",
    f"/customers/{private('customer')}/orders",
    f"/customers/{private('customer')}/orders?continuation={private('continuation')}",
    f"/orders/{uuid.UUID(int=1)}?asOf={private('as-of')}",
    f"/orders/{uuid.UUID(int=1)}?minVersion={private('min-version')}",
    f"/stock/mug?code={private('wrong-code')}",
    f"/commands/{private('command')}",
)


@dataclass(frozen=True)
class Customer:
    """Sends whatever there is to send; a body of bytes as it is."""

    session: aiohttp.ClientSession
    running: Parts

    async def post(self, path: str, body: Any, key: str, **headers: str) -> tuple[int, Any]:
        sent = {"Idempotency-Key": private(key), "x-ms-client-principal-id": private("principal"), **headers}
        return await self._asked("POST", path, sent, body if isinstance(body, bytes) else json.dumps(body).encode())

    async def get(self, path: str, **headers: str) -> tuple[int, Any]:
        return await self._asked("GET", path, headers, None)

    async def _asked(self, method: str, path: str, headers: Mapping[str, str], data: bytes | None) -> tuple[int, Any]:
        url = URL(self.running.api + path, encoded=True)
        async with self.session.request(method, url, data=data, headers=headers) as answer:
            text = await answer.text()
            return answer.status, json.loads(text) if text.startswith("{") else text

    async def places(self, key: str) -> str:
        line = {"sku": "mug", "quantity": 1, "unitPrice": {"amount": "1.00", "currency": "EUR"}}
        status, body = await self.post("/orders", {"customerId": private("customer"), "lines": [line]}, key)
        assert status == 201, body
        return str(body["orderId"])

    async def is_answered(self, expected: int, path: str, body: Mapping[str, Any], key: str) -> None:
        async def answered() -> int:
            return (await self.post(path, body, key))[0]

        await eventually(expected, answered)


async def orders_go_their_ways(customer: Customer) -> Sequence[str]:
    """One is shipped, one is cancelled, one is declined; and what comes too late or differs is refused."""
    await customer.is_answered(200, "/stock/mug/receipts", {"quantity": 5}, "receipt")
    shipped, cancelled, declined = [await customer.places(name) for name in ("shipped", "cancelled", "declined")]
    paid = {"outcome": "processed", "reference": private("reference")}
    await customer.is_answered(200, f"/orders/{shipped}/payment", paid, "pay")
    parcel = {"carrier": private("carrier"), "trackingNumber": private("tracking")}
    await customer.is_answered(200, f"/orders/{shipped}/shipment", parcel, "ship")
    moved = {"reason": private("has moved to 12 St James's Square")}
    await customer.is_answered(409, f"/orders/{shipped}/cancellation", moved, "too-late")
    await customer.is_answered(200, f"/orders/{cancelled}/cancellation", moved, "cancel")
    await customer.is_answered(422, f"/orders/{cancelled}/cancellation", {"reason": private("another")}, "cancel")
    no = {"outcome": "declined", "reference": private("refused"), "reason": private("no-funds")}
    await customer.is_answered(200, f"/orders/{declined}/payment", no, "decline")
    status, accepted = await customer.post(
        f"/orders/{uuid.UUID(int=7)}/cancellation", moved, "later", Prefer="respond-async"
    )
    assert status == 202

    async def outcome() -> object:
        return (await customer.get(f"/commands/{accepted['commandId']}"))[1].get("status")

    await eventually("refused", outcome)
    return shipped, cancelled, declined


async def requests_are_malformed(customer: Customer) -> None:
    for number, body in enumerate(MALFORMED):
        status, _ = await customer.post("/orders", body, f"malformed-{number}")
        assert status in (400, 422), body
    for headers in HEADERS:
        await customer.post("/stock/mug/receipts", {"quantity": 1}, "of-a-header", **headers)
    for path in PATHS:
        await customer.get(path)


async def strangers_write(running: Parts, customer: Customer, order_id: str) -> Sequence[str]:
    """Into the store what is no event, and on the bus what is no command; gives the streams that are parked."""
    sku, told = f"mug-{uuid.uuid4().hex[:8]}", private("told-by-a-stranger")
    async with CosmosClient.from_connection_string(running.environment["COSMOS"]) as cosmos:
        events = cosmos.get_database_client("orders").get_container_client("events")
        wrong: Mapping[str, Mapping[str, Any]] = {
            sku: {"data": {"sku": told, "quantity": told}},
            f"{sku}-2": {"metadata": {"actor": told, "occurredAt": told}},
            f"{sku}-3": {"note": told, "data": told},
        }
        for name, changed in wrong.items():
            await customer.is_answered(200, f"/stock/{name}/receipts", {"quantity": 1}, name)
            first = await first_of(events, f"stock-{name}")
            second = {**own(first), "id": "0000000002", "version": 2, "commandKey": f"stranger-{name}/0"}
            await events.create_item({**second, **changed})
        # Its read models show it, but nobody can say its price: the history of this customer is answered 500.
        order = await first_of(events, f"order-{order_id}")
        line = {**order["data"]["lines"][0], "unitPrice": {"amount": 1, "currency": told}}
        odd = f"order-{uuid.uuid4()}"
        await events.create_item({**own(order), "streamId": odd, "data": {**order["data"], "lines": [line]}})
    command = json.loads(
        ENVELOPES.command_message(context("k-1").to(ORDER.stream_id(order_id), CancelOrder(told))).body
    )
    messages: Sequence[tuple[str, bytes]] = (
        (COMMAND_QUEUE, told.encode()),
        (COMMAND_QUEUE, json.dumps([told]).encode()),
        (COMMAND_QUEUE, json.dumps({**command, "data": {"reason": [told]}}).encode()),
        (COMMAND_QUEUE, json.dumps({**command, "actor": [told]}).encode()),
        (REACTION_QUEUE, json.dumps({**order, "data": {**order["data"], "customerId": [told]}}).encode()),
        (REACTION_QUEUE, json.dumps({"metadata": told}).encode()),
    )
    async with build(Settings.from_mapping(running.environment)) as services:
        for entity, body in messages:
            session = ORDER.stream_id(order_id) if entity == COMMAND_QUEUE else f"fulfilment-{uuid.uuid4()}"
            properties: Mapping[str, str | int] = {"traceparent": told, "schema": told}
            await services.bus.send(entity, [Message(str(uuid.uuid4()), session, told, body, told, properties)])
    return [*(f"stock-{name}" for name in wrong), odd]


async def first_of(events: ContainerProxy, stream_id: str) -> Mapping[str, Any]:
    """The first event; a replica may not show it yet."""
    found: list[Mapping[str, Any]] = []

    async def shows() -> bool:
        with contextlib.suppress(CosmosResourceNotFoundError):
            found.append(await events.read_item("0000000001", stream_id))
        return bool(found)

    await eventually(True, shows)
    return found[0]


def own(item: Mapping[str, Any]) -> dict[str, Any]:
    """Without what Cosmos DB adds."""
    return {name: value for name, value in item.items() if name[0] != "_"}


async def operators_look_and_release(customer: Customer, order_id: str, parked: Sequence[str]) -> None:
    """What customers wrote is shown to them, and what they try to release fails again."""
    key = {"x-functions-key": MASTER_KEY}
    payload = f"payload?consumer=relay&name={parked[0]}"
    for what in (f"order?id={order_id}", "overview", "waiting", payload):
        status, _ = await customer.get(f"/dashboard/data/{what}", **key)
        assert 200 == status, what
    await customer.get(f"/dashboard/data/search?q={private('customer')}", **key)
    for stream in parked:
        for consumer in ("stock-levels@1", "relay", private("consumer")):
            status, _ = await customer.post("/dashboard/releases", {"consumer": consumer, "name": stream}, "", **key)
            assert status in (404, 409, 503)


async def everything_fails(running: Parts, customer: Customer) -> None:
    """The store refuses; a host is killed, and the bus, and the store. Customers go on."""
    line = {"sku": "mug", "quantity": 1, "unitPrice": {"amount": "1.00", "currency": "EUR"}}
    order = {"customerId": private("customer"), "lines": [line]}
    faults: Mapping[str, Mapping[str, Any]] = {
        "throttled": {"effect": "refuse", "status": 429, "container": "order-details"},
        "lost": {"effect": "lose-answer", "container": "events", "kinds": ["batch"]},
        "strange": {"effect": "refuse", "status": 418, "container": "events", "kinds": ["batch"]},
        "away": {"effect": "refuse", "status": 503, "container": "order-history", "times": 3},
    }
    for name, fault in faults.items():
        running.control("cosmos", "faults", fault)
        await customer.post("/orders", order, name)
    status_url = f"{running.url}/admin/host/status"
    async with customer.session.get(status_url, headers={"x-functions-key": MASTER_KEY}) as answer:
        host, *_ = (await answer.json())["hosts"]
    os.kill(host["pid"], signal.SIGKILL)
    for part in ("servicebus", "cosmos"):
        await asyncio.to_thread(running.kill, part)
        await customer.post("/orders", order, f"after-{part}", Prefer="respond-async")
    await customer.is_answered(200, "/stock/mug/receipts", {"quantity": 5}, "at-last")


@asynccontextmanager
async def webhook() -> AsyncIterator[str]:
    """The URL of a receiver of notifications that turns them away."""

    async def refuse(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=500, text=private("said-by-the-receiver"))

    runner = web.ServerRunner(web.Server(refuse, access_log=None), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/hook?code={private('code')}"
    finally:
        await runner.cleanup()


HAPPENED: Final = (
    r"'key' releases ",
    r"parks session \S+ at message",
    r"parks message \S+ alone",
    r"message \S+ of \w+ waits: ",
    r"notification of event \S+ is delayed by",
    r"a request failed by a defect of the service",
    r"a request was turned away: ",
    r"host \d ended with status",
)
"""What is said of it, so that nobody looks for the mark in a run in which nothing has happened."""


@pytest.mark.timeout(240)
async def test_nothing_private_is_in_what_is_printed_or_exported(tmp_path: Path) -> None:
    keys = {"masterKey": MASTER_KEY, "functionKeys": {"default": KEY}, "functions": {}}
    (tmp_path / "functions").mkdir()
    (tmp_path / "functions" / "keys.json").write_text(json.dumps(keys), encoding="utf-8")
    async with webhook() as url, aiohttp.ClientSession(headers={"x-functions-key": KEY}) as session:
        settings: dict[str, Any] = {
            "NOTIFICATIONS_WEBHOOK": url,
            "NOTIFICATIONS_SECRET": private("secret"),
            "TRUST_EASYAUTH": "1",
            # Lines of the log are as in Azure.
            "WEBSITE_INSTANCE_ID": "an-instance",
            **SOON,
        }
        with (
            receiver() as received,
            parts(tmp_path, ask_for_keys=True, OTEL_EXPORTER_OTLP_ENDPOINT=received.url, **settings) as running,
        ):
            customer = Customer(session, running)
            orders = await orders_go_their_ways(customer)
            parked = await strangers_write(running, customer, orders[0])
            await requests_are_malformed(customer)
            for stream in parked:
                await asyncio.to_thread(running.says, "functions", f"parks stream {stream} ")
            await operators_look_and_release(customer, orders[0], parked)
            await everything_fails(running, customer)
            for each in HAPPENED:
                await asyncio.to_thread(running.says, "functions", each)
            said = "\n".join(text for _, text in running.said)

            async def is_told() -> set[str]:
                return {f"order-{each}" for each in orders} - {
                    str(span.attributes.get("stream.id")) for span in received.spans()
                }

            await eventually(set(), is_told)
            exported = b"\n".join(received.bodies).decode()
    assert [] == found_in(OF_THE_HOST.sub("", said))
    assert [] == found_in(exported)


def found_in(text: str) -> list[str]:
    return [line[:500] for line in text.splitlines() if any(each in line for each in SECRETS)]
