"""`Prefer: respond-async` over HTTP, and the question what became of the command."""

from typing import Any

import pytest

from engine.commands.consumer import CommandConsumer
from engine.errors import Unavailable
from engine.messaging.topology import COMMAND_QUEUE
from tests.api.conftest import ORDER, Api
from tests.registered import ENVELOPES
from tests.rest import Answered

REQUESTS: dict[str, tuple[Any, dict[str, str]]] = {
    "place_order": (ORDER, {}),
    "cancel_order": ({"reason": "no"}, {"orderId": "o-1"}),
    "report_payment": ({"outcome": "processed", "reference": "pay-1"}, {"orderId": "o-1"}),
    "ship_order": ({"carrier": "DHL", "trackingNumber": "T-1"}, {"orderId": "o-1"}),
    "receive_stock": ({"quantity": 3}, {"sku": "mug"}),
}


async def send(
    api: Api, function: str, *, key: str = "k-1", prefer: str = "respond-async", body: Any = None
) -> Answered:
    default, route = REQUESTS[function]
    headers = {"Idempotency-Key": key, "Prefer": prefer}
    return await api.send(function, body or default, headers=headers, params=None, **route)


async def carry_out(api: Api) -> None:
    consumer = CommandConsumer(api.commands, api.outcomes, ENVELOPES)
    for message in api.bus.deliver(COMMAND_QUEUE):
        await consumer.handle(message)


@pytest.mark.parametrize("function", REQUESTS)
async def test_every_command_is_accepted_and_nothing_happens_yet(api: Api, function: str) -> None:
    answered = await send(api, function)
    command_id = answered.body["commandId"]
    assert (202, f"/api/commands/{command_id}") == (answered.status, answered.headers["Location"])
    assert "respond-async" == answered.headers["Preference-Applied"]
    assert {"commandId": command_id, "status": "pending"} == answered.body
    assert [] == list(api.store.commits().items)
    asked = await api.send("get_command", commandId=command_id)
    assert (200, {"status": "pending"}) == (asked.status, asked.body)


async def test_what_became_of_it(api: Api) -> None:
    accepted = await send(api, "place_order")
    refused = await send(api, "ship_order")
    await carry_out(api)
    done = await api.send("get_command", commandId=accepted.body["commandId"])
    stream = done.body["stream"]
    assert {"status": "done", "stream": stream, "version": 1} == done.body
    asked = await api.send("get_command", commandId=refused.body["commandId"])
    assert "refused" == asked.body["status"]
    now = await api.send("ship_order", REQUESTS["ship_order"][0], headers={}, orderId="o-1")
    assert now.body == asked.body["problem"]


async def test_the_same_key_names_the_same_command_now_and_later(api: Api) -> None:
    """A synchronous request that is sent again asynchronously gets its first answer as the outcome."""
    now = await api.place("k-1")
    later = await send(api, "place_order", key="k-1")
    await carry_out(api)
    asked = await api.send("get_command", commandId=later.body["commandId"])
    assert (now.body["stream"], 1) == (asked.body["stream"], asked.body["version"])
    assert 1 == len(list(api.store.commits().items))


async def test_a_key_reused_for_another_body_is_refused(api: Api) -> None:
    await send(api, "cancel_order")
    again = await send(api, "cancel_order", body={"reason": "another"})
    assert (422, "urn:problem-type:idempotency-key-reused") == (again.status, again.body["type"])


async def test_a_final_command_is_accepted_again_with_its_status(api: Api) -> None:
    await send(api, "place_order")
    await carry_out(api)
    again = await send(api, "place_order")
    assert (202, "done") == (again.status, again.body["status"])


async def test_the_bus_away_is_a_503_and_the_same_request_takes_effect_once(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:

        async def away(*_: object) -> None:
            raise Unavailable("away", retry_after=3)

        patched.setattr(api.bus, "send", away)
        answered = await send(api, "place_order")
        assert (503, "3") == (answered.status, answered.headers["Retry-After"])
    assert 202 == (await send(api, "place_order")).status
    await carry_out(api)
    assert 1 == len(list(api.store.commits().items))


@pytest.mark.parametrize(
    "prefer", ["Respond-Async", "wait=10, respond-async", "respond-async;x=1", "respond-async, wait=5"]
)
async def test_preferences_are_read_as_the_standard_says(api: Api, prefer: str) -> None:
    assert 202 == (await send(api, "place_order", prefer=prefer)).status


@pytest.mark.parametrize("prefer", ["", "respond", "return=minimal", "async", "respond-asynchronously", ",;,"])
async def test_other_preferences_are_ignored(api: Api, prefer: str) -> None:
    assert 201 == (await send(api, "place_order", prefer=prefer)).status


async def test_a_malformed_command_is_refused_at_once(api: Api) -> None:
    answered = await send(api, "place_order", body={"customerId": "ada"})
    assert 400 == answered.status
    assert [] == api.bus.sent[COMMAND_QUEUE]


async def test_an_unknown_command_is_not_found(api: Api) -> None:
    assert 404 == (await api.send("get_command", commandId="6f1f3f0e-2f59-5f0a-9a3e-7a1f2f0c8d11")).status
    assert 400 == (await api.send("get_command", commandId="a/b")).status
