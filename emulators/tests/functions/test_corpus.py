"""Whole messages of the real host: what it sent is what this host builds, and decodes to what functions saw."""

import base64
import json
from typing import Any

import aiohttp
import azure.functions as func
import pytest
from azure.functions.meta import Datum
from yarl import URL

from emulators.functions.converters import decode, encode
from emulators.functions.engine import Call
from emulators.functions.http_trigger import call_for
from emulators.functions.routing import Route, Router
from emulators.functions.serving import serve
from emulators.loopback import listen
from emulators.tests.functions.corpus import datum, invocation


def plain(value: Any) -> Any:
    """A datum, however deep, as the values in it."""
    if isinstance(value, Datum):
        return plain(value.value)
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    return value


def without_port(http: dict[str, Any]) -> dict[str, Any]:
    """A request without the address that it was sent to, which is another one here."""
    headers = {name: value for name, value in http["headers"].items() if name != "host"}
    return {**http, "headers": headers, "url": "/" + http["url"].split("/", 3)[3]}


async def call_for_request(method: str, path: str, headers: dict[str, str], body: Any, route: str) -> Call:
    """The call that this host makes of a request over a real socket."""
    calls: list[Call] = []

    async def handle(request: aiohttp.web.BaseRequest) -> aiohttp.web.StreamResponse:
        found = Router([Route.parse(route, None, "f")]).find(request.method, request.raw_path.partition("?")[0])
        assert found is not None
        calls.append(await call_for(request, "req", found[1]))
        return aiohttp.web.Response()

    sockets = listen(0)
    runner = await serve(handle, sockets)
    try:
        port = sockets[0].getsockname()[1]
        async with aiohttp.ClientSession(skip_auto_headers=("Accept-Encoding",)) as session:
            url = URL(f"http://127.0.0.1:{port}{path}", encoded=True)
            async with session.request(method, url, headers=headers, data=body, skip_auto_headers=("Content-Type",)):
                pass
    finally:
        await runner.cleanup()
    return calls[0]


@pytest.mark.verified("trace", feature="HTTP requests: whole messages")
@pytest.mark.parametrize(
    ("function", "number", "route"),
    [
        ("place_order", 1, "api/orders"),
        ("place_order", 2, "api/orders"),
        ("get_order", 1, "api/orders/{orderId}"),
    ],
)
async def test_a_request_makes_the_message_that_the_real_host_made(function: str, number: int, route: str) -> None:
    request = invocation(function, number)["request"]
    sent = plain(datum(request["input_data"][0]["data"]))
    headers = {name: value for name, value in sent["headers"].items() if name not in ("content-length",)}

    async def in_chunks() -> Any:
        yield b"which nobody reads"

    body = in_chunks() if "transfer-encoding" in headers else sent["body"] or None
    headers.pop("transfer-encoding", None)
    call = await call_for_request(sent["method"], sent["url"].partition(":7171")[2], headers, body, route)
    built = plain(call.inputs["req"])
    built["headers"].pop("connection", None)
    assert without_port(sent) == without_port(built)
    expected = {name: plain(datum(value)) for name, value in request["trigger_metadata"].items()}
    metadata = plain(call.trigger_metadata)
    assert expected.keys() == metadata.keys()
    # Not compared: names of headers, which .NET spells its own way, and the numbers of ports in them.
    for name in expected.keys() - {"Headers", "Query"}:
        assert expected[name] == metadata[name]
    assert json.loads(expected["Query"]) == json.loads(metadata["Query"])


@pytest.mark.verified("trace", feature="HTTP requests: whole messages")
def test_a_request_decodes_to_what_the_function_saw() -> None:
    message = datum(invocation("get_order", 1)["request"]["input_data"][0]["data"])
    request: func.HttpRequest = decode("httpTrigger", message, {})
    assert ("GET", {"orderId": "a%2Fb"}) == (request.method, dict(request.route_params))
    assert {"x": "1,2", "minVersion": "2"} == dict(request.params)
    assert "curl/7.88.1" == request.headers["User-Agent"]


@pytest.mark.verified("trace", feature="HTTP responses: whole messages")
def test_a_response_encodes_to_what_the_real_worker_sent() -> None:
    sent = invocation("place_order", 1)["response"]["return_value"]["http"]
    response = func.HttpResponse(
        base64.b64decode(sent["body"]["bytes"]),
        status_code=201,
        mimetype="application/json",
        headers={"ETag": '"1"', "Location": "/api/orders/1"},
    )
    encoded = encode("http", response)
    assert encoded is not None
    built = encoded.value
    assert (sent["status_code"], sent["headers"]) == (
        built["status_code"].value,
        {name: value.value for name, value in built["headers"].items()},
    )


@pytest.mark.verified("trace", feature="Cosmos DB trigger: whole messages")
def test_documents_decode_to_a_list_with_lsn_and_system_properties() -> None:
    message = datum(invocation("project_orders", 1)["request"]["input_data"][0]["data"])
    documents: func.DocumentList = decode("cosmosDBTrigger", message, {})
    assert [2, 2, 3] == [document["_lsn"] for document in documents]
    assert 'Käfer 漢字 "q" \\ / \u2028' == documents[2]["data"]["note"]


@pytest.mark.verified("trace", feature="Timers: whole messages")
@pytest.mark.parametrize("number", [1, 2])
def test_a_timer_decodes_to_its_status(number: int) -> None:
    message = datum(invocation("sweep", number)["request"]["input_data"][0]["data"])
    timer: Any = decode("timerTrigger", message, {})
    assert json.loads(message.value)["ScheduleStatus"] == timer.schedule_status
    assert timer.past_due is False
