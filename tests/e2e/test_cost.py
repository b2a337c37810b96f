"""An order is placed on the running stack, and `operate cost` tells what was used for it."""

import json
import uuid

from tests.e2e.stack import Client, Stack, eventually
from tests.operate.process import operate

USED = {
    ("POST /api/orders", "executions"),
    ("command PlaceOrder", "requestUnits"),
    ("consumer order-details", "requestUnits"),
    ("consumer order-details", "executions"),
    ("consumer relay", "operations"),
    ("consumer relay", "executions"),
    ("consumer reactions", "operations"),
    ("consumer reactions", "executions"),
    ("consumer commands", "operations"),
    ("command ReserveStock", "requestUnits"),
}


async def test_what_the_functions_of_an_order_used_is_told_by_work(stack: Stack, hosts: list[Client]) -> None:
    sku, key = f"mug-{uuid.uuid4().hex[:8]}", uuid.uuid4().hex
    await hosts[0].post(f"/stock/{sku}/receipts", {"quantity": 1}, f"{key}-receipt")
    line = {"sku": sku, "quantity": 1, "unitPrice": {"amount": "1.00", "currency": "EUR"}}
    await hosts[1].post("/orders", {"customerId": "ada", "lines": [line]}, key)

    async def missing() -> set[tuple[str, str]] | str:
        ended = await operate("cost", "--json", OTEL_EXPORTER_OTLP_ENDPOINT=stack.traces)
        if ended.status:
            return ended.err
        told = json.loads(ended.out)
        used = {(row["work"], name) for row in told["works"] for name, value in row.items() if value}
        return USED - used if told["count"] else ended.out

    await eventually(set(), missing)
