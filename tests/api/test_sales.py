"""What `GET /sales` answers of what happened."""

from datetime import timedelta

from domain.money import LARGEST_AMOUNT, Money
from domain.order.aggregate import ORDER
from domain.order.commands import ConfirmOrder, ShipOrder
from domain.payment.aggregate import PAYMENT
from domain.payment.commands import ProcessPayment, RefundPayment, RequestPayment
from engine.testing.times import NOON
from tests.api.conftest import Api
from tests.engine.contexts import context


def order(amount: str, currency: str) -> dict[str, object]:
    line = {"sku": "mug", "quantity": 1, "unitPrice": {"amount": amount, "currency": currency}}
    return {"customerId": "c-1", "lines": [line]}


async def paid(api: Api, order_id: str, amount: Money) -> None:
    for command in (RequestPayment(order_id, amount), ProcessPayment("pay-1")):
        await api.commands.handle(PAYMENT, context(type(command).__name__).to(f"payment-{order_id}", command))


async def shipped(api: Api, order_id: str) -> None:
    for command in (ConfirmOrder(), ShipOrder("DHL", "T-1")):
        await api.commands.handle(ORDER, context(type(command).__name__).to(f"order-{order_id}", command))


async def refunded(api: Api, order_id: str) -> None:
    await api.commands.handle(PAYMENT, context("refund").to(f"payment-{order_id}", RefundPayment()))


async def test_orders_and_revenue_are_told_by_minute_and_currency(api: Api) -> None:
    api.now = NOON
    first = (await api.place("k-1", order("12.50", "EUR"))).body["orderId"]
    second = (await api.place("k-2", order("300", "JPY"))).body["orderId"]
    await paid(api, first, Money(1250, "EUR"))
    api.now = NOON + timedelta(minutes=2)
    await api.send("cancel_order", {"reason": "no"}, orderId=first)
    await refunded(api, first)
    await shipped(api, second)
    await api.feed()
    await api.feed()
    answered = await api.send("get_sales")
    nothing = dict.fromkeys(("ordersPlaced", "ordersPaid", "ordersShipped", "ordersCancelled"), 0)
    assert {
        "from": "2026-11-23T11:03:00Z",
        "to": "2026-11-23T12:03:00Z",
        "minutes": [
            {**nothing, "minute": "2026-11-23T12:00:00Z", "currency": "EUR", "ordersPlaced": 1, "ordersPaid": 1,
             "revenue": "12.50"},
            {**nothing, "minute": "2026-11-23T12:00:00Z", "currency": "JPY", "ordersPlaced": 1, "revenue": "0"},
            {**nothing, "minute": "2026-11-23T12:02:00Z", "currency": "EUR", "ordersCancelled": 1, "revenue": "-12.50"},
            {**nothing, "minute": "2026-11-23T12:02:00Z", "currency": "JPY", "ordersShipped": 1, "revenue": "0"},
        ],
        "totals": [
            {"currency": "EUR", "ordersPlaced": 1, "ordersPaid": 1, "ordersShipped": 0, "ordersCancelled": 1,
             "revenue": "0.00"},
            {**nothing, "currency": "JPY", "ordersPlaced": 1, "ordersShipped": 1, "revenue": "0"},
        ],
    } == answered.body  # fmt: skip


async def test_a_sum_beyond_what_json_holds_as_a_number_is_exact(api: Api) -> None:
    for number in range(3):
        await paid(api, f"o-{number}", Money(LARGEST_AMOUNT, "EUR"))
    await api.feed()
    (total,) = (await api.send("get_sales")).body["totals"]
    assert "270215977642229.73" == total["revenue"]


async def test_a_span_that_is_none_is_a_problem(api: Api) -> None:
    answered = await api.send("get_sales", params={"from": "yesterday"})
    assert (400, "urn:problem-type:the-request-is-malformed") == (answered.status, answered.body["type"])
