"""An order is placed on the running stack, and `operate trace` shows what became of it."""

import json
import secrets
import uuid
from collections import Counter
from collections.abc import Mapping
from typing import Any

import aiohttp

from tests.e2e.stack import Client, Stack, eventually
from tests.operate.process import operate

STEPS = [
    "POST /api/orders",
    "handle PlaceOrder",
    "apply order-details@1",
    "apply order-history@1",
    "send events",
    "send reactions",
    "process reactions",
    "handle OrderPlaced",
    "send commands",
    "process commands",
    "handle ReserveStock",
    "apply stock-levels@1",
    "handle StockReserved",
    "handle RequestPayment",
    "apply payment-status@1",
]


async def test_everything_that_followed_from_a_request_is_one_trace(stack: Stack, hosts: list[Client]) -> None:
    """From HTTP over feed and bus to the views of three streams; what costs request units is told."""
    sku, key = f"mug-{uuid.uuid4().hex[:8]}", uuid.uuid4().hex
    await hosts[0].post(f"/stock/{sku}/receipts", {"quantity": 1}, f"{key}-receipt")
    line = {"sku": sku, "quantity": 1, "unitPrice": {"amount": "1.00", "currency": "EUR"}}
    placed = await hosts[1].post("/orders", {"customerId": "ada", "lines": [line]}, key)

    async def missing() -> list[str]:
        ended = await operate("trace", placed.body["orderId"], "--json", OTEL_EXPORTER_OTLP_ENDPOINT=stack.traces)
        traces = [json.loads(each) for each in ended.out.splitlines()]
        names = {step["name"] for trace in traces[:1] for step in trace["steps"]}
        return [each for each in STEPS if each not in names] if len(traces) == 1 else [ended.err]

    await eventually([], missing)
    shown = await operate("trace", placed.body["orderId"], OTEL_EXPORTER_OTLP_ENDPOINT=stack.traces)
    for said in ("(poll of the feed)", "(bus)", f"stock-{sku}", "1 trace, "):
        assert said in shown.out


HANDLED = Counter(
    {
        "handle PlaceOrder": 1,
        "handle OrderPlaced": 1,
        "handle ReserveStock": 1,
        "handle StockReserved": 1,
        "handle RequestPayment": 1,
        "handle ProcessPayment": 1,
        "handle PaymentProcessed": 1,
        "handle ConfirmOrder": 1,
        "handle OrderConfirmed": 1,
        "handle ShipOrder": 1,
        "handle OrderShipped": 1,
        "handle DispatchStock": 1,
        "handle StockDispatched": 1,
    }
)

BELOW = {
    ("POST /api/orders", "client"),
    ("handle PlaceOrder", "POST /api/orders"),
    ("execute_batch events", "handle PlaceOrder"),
    ("apply order-details@1", "handle PlaceOrder"),
    ("apply order-history@1", "handle PlaceOrder"),
    ("apply sales@2", "handle PlaceOrder"),
    ("read relay", "handle PlaceOrder"),
    ("send reactions", "handle PlaceOrder"),
    ("process reactions", "handle PlaceOrder"),
    ("handle OrderPlaced", "process reactions"),
    ("send commands", "handle OrderPlaced"),
    ("process commands", "handle OrderPlaced"),
    ("handle ReserveStock", "process commands"),
    ("apply stock-levels@1", "handle ReserveStock"),
    ("apply payment-status@1", "handle RequestPayment"),
    ("POST /api/orders/{orderId}/payment", "client"),
    ("handle ProcessPayment", "POST /api/orders/{orderId}/payment"),
    ("handle ConfirmOrder", "process commands"),
    ("POST /api/orders/{orderId}/shipment", "client"),
    ("handle ShipOrder", "POST /api/orders/{orderId}/shipment"),
    ("handle DispatchStock", "process commands"),
}
"""Pairs of what is asserted of the tree: a span, and the one that it is a child of."""


async def test_an_order_from_placed_to_shipped_is_one_trace_over_two_hosts(stack: Stack, hosts: list[Client]) -> None:
    """Span by span: each command is done once, each below what it follows from, and none of them has failed."""
    sku, key, trace_id = f"mug-{uuid.uuid4().hex[:8]}", uuid.uuid4().hex, secrets.token_hex(16)
    client = f"00-{trace_id}-{secrets.token_hex(8)}-01"
    await hosts[0].post(f"/stock/{sku}/receipts", {"quantity": 1}, f"{key}-receipt")
    line = {"sku": sku, "quantity": 1, "unitPrice": {"amount": "1.00", "currency": "EUR"}}
    placed = await hosts[0].post("/orders", {"customerId": "ada", "lines": [line]}, key, traceparent=client)
    order = f"/orders/{placed.body['orderId']}"

    async def paid() -> int:
        body = {"outcome": "processed", "reference": key}
        return (await hosts[1].post(f"{order}/payment", body, key, traceparent=client)).status

    async def shipped() -> int:
        body = {"carrier": "post", "trackingNumber": key}
        return (await hosts[0].post(f"{order}/shipment", body, f"{key}-ship", traceparent=client)).status

    await eventually(200, paid)
    await eventually(200, shipped)
    spans: list[Mapping[str, Any]] = []

    async def missing() -> Counter[str]:
        """What is not there yet, with the spans whose parent is not: hosts export on their own time."""
        async with aiohttp.ClientSession() as session, session.get(f"{stack.traces}/traces/{trace_id}") as answer:
            spans[:] = (await answer.json()).get("spans", ())
        there = {client[36:52], *(span["spanId"] for span in spans)}
        orphans = Counter(span["name"] for span in spans if span["parentSpanId"] not in there)
        return HANDLED - Counter(span["name"] for span in spans) + orphans

    await eventually(Counter(), missing)
    above = {span["spanId"]: span["name"] for span in spans} | {client[36:52]: "client"}
    below = {(span["name"], above.get(span["parentSpanId"])) for span in spans}
    assert not [name for name, parent in below if parent is None]
    assert BELOW <= below
    assert not [span["name"] for span in spans if span["status"] == "error"]
    # A refusal is an answer: it says of what kind it was.
    done = [span["name"] for span in spans if "answer.type" not in span["attributes"]]
    handled = Counter(name for name in done if name.startswith("handle "))
    assert handled == HANDLED
    assert len({span["resource"]["service.instance.id"] for span in spans}) == 2
    assert not [span for span in spans if key in json.dumps(span["attributes"])]
