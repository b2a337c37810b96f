"""Nothing is imported on the event loop, which all invocations of a worker process share: an import would block it."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

import pytest
from aiohttp import web

from composition.domain import TOPOLOGY
from composition.provisioning import provision_database
from composition.services import build
from domain.order.commands import CancelOrder
from emulators.cosmos.server import CosmosServer
from emulators.servicebus.config import parse_config
from emulators.servicebus.server import ServiceBusServer
from engine.messaging.emulator_config import emulator_config
from engine.messaging.wire import event_message
from engine.storing.items import to_items
from tests.engine.contexts import context
from tests.engine.contracts.receiver import receiving
from tests.rest import functions, send
from tests.settings import settings_for

ROOT: Final = Path(__file__).resolve().parent.parent.parent

PLACE: Final = {
    "customerId": "ada",
    "lines": [{"sku": "mug", "quantity": 1, "unitPrice": {"amount": "1.00", "currency": "EUR"}}],
}

PREPARED: Final = """
import asyncio, json, os, sys
import concurrent.futures.thread  # as the worker does, which runs functions that are not async in threads
from types import SimpleNamespace
import azure.functions as func
import function_app
from composition import wiring

found = []

class Recorder:
    def find_spec(self, name, path=None, target=None):
        '''Is asked first for every module that is not loaded yet, in the thread that imports it.'''
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return None
        found.append(name)

def request(method="GET", body=None, headers=None, params=None, **route):
    raw = b"" if body is None else json.dumps(body).encode()
    return func.HttpRequest(
        method, "http://localhost/api", headers=headers or {}, params=params or {}, route_params=route, body=raw
    )

def message(given):
    return SimpleNamespace(
        message_id=given["id"], session_id=given["session"], sequence_number=1, get_body=lambda: given["body"].encode(),
        application_properties=given["properties"], delivery_count=1,
    )

given = json.loads(os.environ["GIVEN"])
"""

HTTP: Final = """
async def work():
    place, order = given["place"], given["order"]
    answers = [await function_app.place_order(each) for each in (
        request("POST", place, {"Idempotency-Key": "k-1"}),
        request("POST", place, {"Prefer": "respond-async"}),
        request("POST", {"customerId": "?"}),
    )]
    command = json.loads(answers[1].get_body())["commandId"]
    engine, orders = (await wiring.http()).engine, (await wiring.http()).orders
    answers += [
        await function_app.get_command(request(commandId=command)),
        await engine.query("order-details", request(orderId=order)),
        await engine.query("order-details", request(orderId=order, params={"asOf": "2999-01-01T00:00:00Z"})),
        await engine.query("order-details", request(orderId=order, params={"minVersoin": "1"})),
        await engine.query("order-history", request(customerId="ada")),
        await orders.events(request(orderId=order, params={"all": "true"})),
        await function_app.cancel_order(request("POST", {"reason": "no"}, orderId="unknown")),
    ]
    return [answer.status_code for answer in answers]
"""

DASHBOARD: Final = """
async def work():
    release = {"consumer": "order-details@1", "name": "order-1"}
    answers = [
        await function_app.get_dashboard(request()),
        await function_app.get_dashboard_file(request(file="index.html")),
        await function_app.read_dashboard(request(what="overview")),
        await function_app.read_dashboard(request(what="overview", params={"window": "day"})),
        await function_app.read_dashboard(request(what="nothing")),
        await function_app.release_parked(request("POST", release)),
    ]
    assert json.loads(answers[2].get_body())["deadLetters"], "the bus is reached"
    return [answer.status_code for answer in answers]
"""

FEED: Final = """
async def work():
    documents = func.DocumentList([func.Document.from_dict(item) for item in given["items"]])
    for name in ("order-details", "order-history", "payment-status", "stock-levels"):
        await (await wiring.feed()).project(name, documents)
    await function_app.relay_events(documents)
    return "done"
"""

BUS: Final = """
async def work():
    await function_app.handle_command(message(given["command"]))
    await function_app.react(message(given["reaction"]))
    await function_app.notify(message(given["notification"]))
    await function_app.notify(message({**given["notification"], "body": "{}"}))
    await function_app.every_minute(None)
    return "done"
"""

TOKEN: Final = """
from engine.identity import identity

async def work():
    async with await identity(None) as credential:
        return (await credential.get_token("https://documents.azure.com/.default")).token
"""

DONE: Final = """
sys.meta_path.insert(0, Recorder())
print(json.dumps([asyncio.run(work()), found]))
"""


@pytest.fixture
async def environment() -> AsyncIterator[Mapping[str, str]]:
    """The settings of a service, and what a process of it is given, as JSON."""
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(CosmosServer.start())
        bus = await stack.enter_async_context(
            ServiceBusServer.start(parse_config(json.dumps(emulator_config(TOPOLOGY))))
        )
        receiver = await stack.enter_async_context(receiving())
        settings = settings_for(store.connection_string, bus=bus.connection_string)
        await provision_database(settings, lambda _: None)
        services = await stack.enter_async_context(build(settings))

        async def connected() -> object:
            return services

        placed = await send(functions(connected), "place_order", PLACE)  # type: ignore[arg-type]
        stream: str = placed.body["stream"]
        (event,) = await services.commands.store.read(stream)
        command = services.asynchronous.envelopes.command_message(
            context("c-1").to(stream, CancelOrder("changed my mind"))._replace(outcome=True)
        )
        fulfilment = stream.replace("order-", "fulfilment-")
        happened = event_message(event, message_id="e-1", session_id=stream, vocabulary=1)
        given = {
            "place": PLACE,
            "order": placed.body["orderId"],
            "items": [{**item, "_ts": int(event.metadata.occurred_at.timestamp())} for item in to_items([event])],
            **{
                name: {"id": f"{name}-1", "session": session, "body": body.decode(), "properties": {}}
                for name, session, body in (
                    ("command", stream, command.body),
                    ("reaction", fulfilment, happened.body),
                    ("notification", None, happened.body),
                )
            },
        }
        yield {
            **os.environ,
            "COSMOS": store.connection_string,
            "COSMOS_DATABASE": settings.engine.cosmos_database,
            "SERVICEBUS": bus.connection_string,
            "NOTIFICATIONS_WEBHOOK": receiver.url,
            "NOTIFICATIONS_SECRET": "the-quiet-secret",
            "GIVEN": json.dumps(given),
        }


async def run(work: str, environment: Mapping[str, str]) -> tuple[object, list[str]]:
    """What the work returns in a fresh process, and what it imports on the loop."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PREPARED + work + DONE, cwd=ROOT, env=environment,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    assert 0 == process.returncode, err.decode()
    done, found = json.loads(out)
    return done, [name for name in found if not name.startswith(("encodings.", "stringprep"))]


async def test_http(environment: Mapping[str, str]) -> None:
    statuses = [201, 202, 400, 200, 200, 200, 400, 200, 200, 404]
    assert (statuses, []) == await run(HTTP, environment)


async def test_the_dashboard(environment: Mapping[str, str]) -> None:
    assert ([200, 200, 200, 200, 404, 404], []) == await run(DASHBOARD, environment)


async def test_the_feed(environment: Mapping[str, str]) -> None:
    assert ("done", []) == await run(FEED, environment)


async def test_the_bus(environment: Mapping[str, str]) -> None:
    assert ("done", []) == await run(BUS, environment)


async def test_the_token_of_an_identity(environment: Mapping[str, str]) -> None:
    async def token(_: web.BaseRequest) -> web.StreamResponse:
        return web.json_response(
            {"access_token": "t-1", "expires_on": "4102444800", "resource": "r", "token_type": "b"}
        )

    async with receiving() as service:
        service.answer = token
        managed = {"IDENTITY_ENDPOINT": service.url, "IDENTITY_HEADER": "h"}
        done = await run(TOKEN, {**environment, **managed})
    assert ("t-1", []) == done
