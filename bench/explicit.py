"""Codecs of order events written by hand, one function per class and direction, as strict as the compiled ones."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from domain.money import Money
from domain.order.events import OrderConfirmed, OrderLine, OrderPlaced, OrderShipped


class NotAsExpected(TypeError):
    """The data has other fields, or fields of other types."""


def placed_from(data: Any) -> OrderPlaced:
    if type(data) is not dict or len(data) != 3:
        raise NotAsExpected
    lines = data["lines"]
    if type(lines) is not list:
        raise NotAsExpected
    return OrderPlaced(_text(data["orderId"]), _text(data["customerId"]), tuple([_line_from(each) for each in lines]))


def placed_to(event: OrderPlaced) -> dict[str, Any]:
    return {
        "orderId": event.order_id,
        "customerId": event.customer_id,
        "lines": [
            {
                "sku": line.sku,
                "quantity": line.quantity,
                "unitPrice": {"amount": line.unit_price.amount, "currency": line.unit_price.currency},
            }
            for line in event.lines
        ],
    }


def confirmed_from(data: Any) -> OrderConfirmed:
    if type(data) is not dict or len(data) != 2:
        raise NotAsExpected
    return OrderConfirmed(_text(data["orderId"]), _text(data["customerId"]))


def confirmed_to(event: OrderConfirmed) -> dict[str, Any]:
    return {"orderId": event.order_id, "customerId": event.customer_id}


def shipped_from(data: Any) -> OrderShipped:
    if type(data) is not dict or len(data) != 4:
        raise NotAsExpected
    return OrderShipped(
        _text(data["orderId"]), _text(data["customerId"]), _text(data["carrier"]), _text(data["trackingNumber"])
    )


def shipped_to(event: OrderShipped) -> dict[str, Any]:
    return {
        "orderId": event.order_id,
        "customerId": event.customer_id,
        "carrier": event.carrier,
        "trackingNumber": event.tracking_number,
    }


def _line_from(data: Any) -> OrderLine:
    if type(data) is not dict or len(data) != 3:
        raise NotAsExpected
    return OrderLine(_text(data["sku"]), _number(data["quantity"]), _money_from(data["unitPrice"]))


def _money_from(data: Any) -> Money:
    if type(data) is not dict or len(data) != 2:
        raise NotAsExpected
    return Money(_number(data["amount"]), _text(data["currency"]))


def _text(value: Any) -> str:
    if type(value) is not str:
        raise NotAsExpected
    return value


def _number(value: Any) -> int:
    if type(value) is not int:
        raise NotAsExpected
    return value


PAIRS: Final[Sequence[tuple[Callable[[Any], Any], Callable[[Any], Any]]]] = (
    (placed_from, placed_to),
    (confirmed_from, confirmed_to),
    (shipped_from, shipped_to),
)
