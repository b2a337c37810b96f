"""Each round trip to Cosmos DB is a span and is measured, whatever is answered, and where nothing is."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from azure.core.exceptions import ServiceRequestError, ServiceResponseError
from azure.core.rest import HttpRequest
from opentelemetry.trace import StatusCode

from engine.storing.cosmos_transport import TracedTransport
from engine.telemetry.instruments import REQUEST_CHARGE, REQUEST_DURATION
from tests.engine.contracts.receiver import Receiver, receiving
from tests.engine.telemetry.kept import keeping


@pytest.fixture
async def account() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


async def send(url: str) -> None:
    async with TracedTransport(use_env_settings=False) as transport:
        await transport.send(HttpRequest("GET", f"{url}dbs/guests/colls/events/docs/1"), connection_timeout=5)


def root(account: Receiver) -> str:
    return account.url.removesuffix("hook?token=hidden")


@pytest.mark.parametrize(
    ("status", "fails"), [(200, False), (404, False), (409, False), (412, False), (429, True), (503, True)]
)
async def test_what_was_answered_is_told(account: Receiver, status: int, fails: bool) -> None:
    """Most refusals are answers, which this service asks for."""

    async def answer(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=status, headers={"x-ms-request-charge": "2.5", "x-ms-substatus": "1002"})

    account.answer = answer
    with keeping() as kept:
        await send(root(account))
        span = kept.one("read_item events")
        named = {"db.system.name": "azure.cosmosdb", "db.operation.name": "read_item", "db.collection.name": "events"}
        known = {**named, "db.response.status_code": str(status)}
        of_cosmos = {
            "azure.cosmosdb.response.sub_status_code": 1002,
            "azure.cosmosdb.operation.request_charge": 2.5,
        }
        error = {"error.type": str(status), "failure.type": str(status)} if fails else {}
        assert span.attributes == known | of_cosmos | error
        assert (span.status.status_code is StatusCode.ERROR) == fails
        assert kept.measured(REQUEST_DURATION.name) == [({**known, "work": "other"}, 1)]
        assert kept.measured(REQUEST_CHARGE.name) == [({**named, "work": "other"}, 1)]


async def test_a_request_that_was_not_answered_is_measured_too(account: Receiver) -> None:
    async def hang_up(request: web.BaseRequest) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    account.answer = hang_up
    with keeping() as kept:
        with pytest.raises((ServiceRequestError, ServiceResponseError)) as raised:
            await send(root(account))
        kind = type(raised.value).__name__
        assert (kept.one("read_item events").attributes or {})["error.type"] == kind
        ((attributes, count),) = kept.measured(REQUEST_DURATION.name)
        assert (attributes["error.type"], "db.response.status_code" in attributes, count) == (kind, False, 1)
        assert [] == kept.measured(REQUEST_CHARGE.name)
