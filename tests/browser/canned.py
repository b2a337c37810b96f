"""Answers of the service as its contract with the page has them, for a page without a service."""

import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

TO: Final = datetime(2026, 11, 26, 14, 6, tzinfo=UTC)
ORDER_ID: Final = "7c0e2d5a-1f0b-5b6e-9a51-0d6c1f0f7a11"
CHARGE: Final = 1.25
"""RU of each answer."""

Answer = Mapping[str, Any]

_SALE_AT: Final = 17
"""So many minutes ago a flash sale began."""


def overview(*, window: str = "hour", to: datetime = TO, busy: bool = True) -> Answer:
    """An ordinary hour or day with a flash sale in it; or one in which nothing happened."""
    step = timedelta(minutes=1) if window == "hour" else timedelta(hours=1)
    points = 61 if window == "hour" else 25
    begin = to - points * step
    sales = list(_sales(begin, step, points)) if busy else []
    flow = {name: sum(each[f"orders{name.title()}"] for each in sales) for name in ("placed", "paid", "shipped")}
    return {
        "window": window,
        "from": _rest(begin),
        "to": _rest(to),
        "step": int(step.total_seconds()),
        "sales": sales,
        "open": {"placed": 41, "awaitingPayment": 29, "confirmed": 86} if busy else _open(),
        "flow": {**flow, "cancelled": sum(each["ordersCancelled"] for each in sales)},
        "status": "degraded" if busy else "well",
        "consumers": consumers(busy=busy),
        "deadLetters": [{"entity": "commands", "count": 2 if busy else 0}, {"entity": "reactions", "count": 0}],
    }


def _open() -> Answer:
    return {"placed": 0, "awaitingPayment": 0, "confirmed": 0}


def _sales(begin: datetime, step: timedelta, points: int) -> Iterator[Answer]:
    """Some orders all the time; in the middle many more units are asked for than there are."""
    for number in range(points):
        at, wave = _rest(begin + number * step), 1 + math.sin(number / 5)
        rush = {points - _SALE_AT: 1, points - _SALE_AT + 1: 0.35}.get(number, 0.0)
        placed = round(2 + 3 * wave + 640 * rush)
        paid = round(2 + 2.4 * wave + 60 * rush)
        for currency, weight in (("EUR", 1.0), ("JPY", 0.2)):
            counts = {
                "ordersPlaced": round(placed * weight),
                "ordersPaid": round(paid * weight),
                "ordersShipped": round(paid * weight * 0.8),
                "ordersCancelled": round((0.4 + 560 * rush) * weight),
            }
            unit = 12.5 if currency == "EUR" else 1800
            revenue = f"{counts['ordersPaid'] * unit:.{2 if currency == 'EUR' else 0}f}"
            yield {"at": at, "currency": currency, **counts, "revenue": revenue}


def consumers(*, busy: bool) -> list[Answer]:
    feed = ("order-details@1", "order-history@1", "payment-status@1", "sales@1", "stock-levels@1", "relay")
    rows: list[Answer] = [
        {"consumer": each, "parked": 0, "documents": 0, "seconds": 0.0, "state": "owned"} for each in feed
    ]
    if busy:
        rows[1] = {**rows[1], "documents": 214, "seconds": 3.4}
        rows[3] = {**rows[3], "parked": 1}
        rows[5] = {**rows[5], "documents": 12, "seconds": 75.0, "state": "expired"}
    return [
        *rows,
        {"consumer": "commands", "parked": 2 if busy else 0, "documents": None, "seconds": None, "state": None},
        {"consumer": "reactions", "parked": 0, "documents": None, "seconds": None, "state": None},
    ]


def order(order_id: str = ORDER_ID, customer: str = "ada") -> Answer:
    """A shipped order: placed, reserved, paid, confirmed, shipped, dispatched."""
    amount = {"amount": "25.00", "currency": "EUR"}
    lines = [{"sku": "mug", "quantity": 2, "unitPrice": {"amount": "12.50", "currency": "EUR"}}]
    told: list[tuple[float, str, str, int, int | None, str, dict[str, Any]]] = [
        (0.0, "order", "OrderPlaced", 1, None, "place_order", {"customerId": customer, "lines": lines}),
        (0.141, "fulfilment", "FulfilmentStarted", 1, 0, "react", {"amount": amount}),
        (0.262, "stock", "StockReserved", 9, 1, "handle_command", {"quantity": 2}),
        (0.401, "fulfilment", "ReservationGranted", 2, 2, "react", {"sku": "mug"}),
        (0.522, "payment", "PaymentRequested", 1, 3, "handle_command", {"amount": amount}),
        (4.2, "payment", "PaymentProcessed", 2, None, "report_payment", {"amount": amount, "reference": "pay-1"}),
        (4.33, "fulfilment", "PaymentArrived", 3, 5, "react", {}),
        (4.48, "order", "OrderConfirmed", 2, 6, "handle_command", {"customerId": customer}),
        (9.1, "order", "OrderShipped", 3, None, "ship_order", {"carrier": "DHL", "trackingNumber": "T-1"}),
        (9.27, "fulfilment", "DispatchStarted", 4, 8, "react", {}),
        (9.4, "stock", "StockDispatched", 10, 9, "handle_command", {"quantity": 2}),
    ]

    def stream(category: str) -> str:
        return "stock-mug" if category == "stock" else f"{category}-{order_id}"

    def cause(number: int | None) -> Answer | None:
        if number is None:
            return None
        return {"stream": stream(told[number][1]), "version": told[number][3], "type": told[number][2]}

    events = [
        {
            "stream": stream(category),
            "category": category,
            "version": version,
            "type": kind,
            "at": _rest(TO + timedelta(seconds=after)),
            "eventId": f"{stream(category)}/{version}",
            "correlationId": "c0ffee00-0000-4000-8000-000000000001",
            "causationId": "c0ffee00-0000-4000-8000-000000000002",
            "cause": cause(caused_by),
            "function": function,
            "actor": "anonymous" if caused_by is None else None,
            "trace": f"{number + 1:032x}",
            "bytes": 320 + 17 * number,
            "charge": 6.29 + number % 3,
            "data": {"orderId": order_id, **data},
        }
        for number, (after, category, kind, version, caused_by, function, data) in enumerate(told)
    ]
    versions = {str(each["stream"]): each["version"] for each in events}
    return {"orderId": order_id, "versions": versions, "events": events}


def state(version: int, order_id: str = ORDER_ID, customer: str = "ada") -> Answer:
    shown: dict[str, Any] = {
        "orderId": order_id,
        "customerId": customer,
        "status": ("placed", "confirmed", "shipped")[version - 1],
        "lines": [{"sku": "mug", "quantity": 2, "unitPrice": {"amount": "12.50", "currency": "EUR"}}],
        "total": {"amount": "25.00", "currency": "EUR"},
        "placedAt": _rest(TO),
        "confirmedAt": _rest(TO + timedelta(seconds=4)) if version > 1 else None,
        "shipment": None,
        "cancellation": None,
        "version": version,
    }
    if version > 2:
        shown["shipment"] = {"carrier": "DHL", "trackingNumber": "T-1", "shippedAt": _rest(TO + timedelta(seconds=9))}
    return shown


def found(*order_ids: str, customer: str = "ada", by: str = "customer", continuation: str | None = None) -> Answer:
    orders = [
        {"orderId": each, "customerId": customer, "status": "confirmed", "placedAt": _rest(TO), "by": by}
        for each in order_ids
    ]
    return {"orders": orders, **({"continuation": continuation} if continuation else {})}


def waiting(*, empty: bool = False) -> Answer:
    if empty:
        return {"parked": [], "deadLetters": [{"entity": "commands", "count": 0}], "more": False}
    error = (
        'Traceback (most recent call last):\n  File "projections/sales.py", line 41, in count\nValueError: no currency'
    )
    parked = [
        _parked("sales@1", f"order-{ORDER_ID}", "stream", "ValueError: no currency", error, 3, version=2),
        _parked("commands", "stock-practice-4f21aa", "session", "PractisedDefect: the handler had a defect", error, 2),
        _parked("commands", "1042", "message", "Unreadable: it is no JSON", "Expecting value: line 1 column 1", 1),
    ]
    letters = [{"entity": "commands", "count": 2}, {"entity": "reactions", "count": 0}]
    return {"parked": parked, "deadLetters": letters, "more": False}


def _parked(
    consumer: str, name: str, kind: str, reason: str, error: str, waits: int, version: int | None = None
) -> Answer:
    return {
        "consumer": consumer,
        "name": name,
        "kind": kind,
        "version": version,
        "type": "OrderConfirmed" if kind == "stream" else None,
        "reason": reason,
        "error": error,
        "trace": f"{7:032x}",
        "since": _rest(TO - timedelta(minutes=9)),
        "attempts": 5,
        "waiting": waits,
    }


def _rest(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
