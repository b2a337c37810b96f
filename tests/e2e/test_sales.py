"""Sales over two hosts: what is placed, paid, shipped, cancelled and refunded counts once, whichever host counts it."""

import asyncio
from typing import Any

from tests.e2e.stack import Client, eventually
from tests.e2e.test_two_hosts import fresh

CURRENCY = "KWD"
"""Nothing else on this stack is sold in it; it has three decimals."""


async def placed(host: Client, sku: str, quantity: int) -> str:
    lines = [{"sku": sku, "quantity": quantity, "unitPrice": {"amount": "1.005", "currency": CURRENCY}}]
    answered = await host.post("/orders", {"customerId": "ada", "lines": lines}, fresh("k"))
    return str(answered.body["orderId"])


async def becomes(host: Client, path: str, status: str) -> None:
    async def seen() -> Any:
        answered = await host.get(path)
        return answered.body["status"] if answered.status == 200 else None

    await eventually(status, seen)


async def paid(host: Client, order_id: str) -> None:
    await becomes(host, f"/orders/{order_id}/payment", "requested")
    report = {"outcome": "processed", "reference": f"pay-{order_id}"}
    assert 200 == (await host.post(f"/orders/{order_id}/payment", report, fresh("k"))).status
    await becomes(host, f"/orders/{order_id}", "confirmed")


async def shipped(host: Client, order_id: str) -> None:
    await paid(host, order_id)
    shipment = {"carrier": "DHL", "trackingNumber": "T-1"}
    assert 200 == (await host.post(f"/orders/{order_id}/shipment", shipment, fresh("k"))).status


async def cancelled(host: Client, order_id: str) -> None:
    assert 200 == (await host.post(f"/orders/{order_id}/cancellation", {"reason": "no"}, fresh("k"))).status


async def refunded(host: Client, order_id: str) -> None:
    await paid(host, order_id)
    await cancelled(host, order_id)
    await becomes(host, f"/orders/{order_id}/payment", "refunded")


async def test_both_hosts_tell_the_same_sales_and_nothing_is_counted_twice(hosts: list[Client]) -> None:
    one, other = hosts
    sku = fresh("mug")
    await one.post(f"/stock/{sku}/receipts", {"quantity": 100}, fresh("k"))
    orders = [await placed(hosts[number % 2], sku, number + 1) for number in range(8)]
    await asyncio.gather(
        *(paid(one, order_id) for order_id in orders[:2]),
        shipped(other, orders[2]),
        *(refunded(other, order_id) for order_id in orders[3:5]),
        *(cancelled(one, order_id) for order_id in orders[5:7]),
    )
    counts = {"ordersPlaced": 8, "ordersPaid": 5, "ordersShipped": 1, "ordersCancelled": 4}
    total = {"currency": CURRENCY, **counts, "revenue": "6.030"}
    for host in hosts:

        async def told(host: Client = host) -> Any:
            answered = await host.get("/sales")
            return [each for each in answered.body["totals"] if each["currency"] == CURRENCY]

        await eventually([total], told)
    rows = [row for row in (await one.get("/sales")).body["minutes"] if row["currency"] == CURRENCY]
    assert counts == {name: sum(row[name] for row in rows) for name in counts}
    assert 400 == (await one.get("/sales?from=2026-01-01T00:00:00Z")).status
