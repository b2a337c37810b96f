"""An order is placed on the running stack, and `operate trace` shows what became of it."""

import json
import uuid

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
