"""Requests to the functions of HTTP without a host between. Every answer is one that is described."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import azure.functions as func

from api.interface import Interface
from tests import described

Function = Callable[[func.HttpRequest], Awaitable[func.HttpResponse]]

FUNCTIONS: Final[Mapping[str, Callable[[Interface], Function]]] = {
    "place_order": lambda api: api.orders.place,
    "cancel_order": lambda api: api.orders.cancel,
    "report_payment": lambda api: api.payments.report,
    "ship_order": lambda api: api.orders.ship,
    "receive_stock": lambda api: api.stock.receive,
    "get_command": lambda api: api.engine.get_command,
    "get_order": lambda api: partial(api.engine.query, "order-details"),
    "get_order_events": lambda api: api.orders.events,
    "get_payment": lambda api: partial(api.engine.query, "payment-status"),
    "get_customer_orders": lambda api: partial(api.engine.query, "order-history"),
    "get_stock": lambda api: partial(api.engine.query, "stock-levels"),
    "get_sales": lambda api: partial(api.engine.query, "sales"),
    "get_stock_events": lambda api: api.stock.events,
    "health": lambda api: api.engine.health,
    "health_details": lambda api: api.engine.health_details,
}
"""By the names of function_app.py."""


@dataclass
class Answered:
    status: int
    headers: Mapping[str, str]
    body: Any


async def send(
    functions: Interface,
    function: str,
    body: Any = None,
    *,
    headers: Mapping[str, str] | None = None,
    params: Mapping[str, str] | None = None,
    **route: str,
) -> Answered:
    """`body` is sent as JSON, or as it is when it is bytes."""
    raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    request = func.HttpRequest(
        "GET" if function.startswith("get") else "POST",
        "http://localhost/api",
        headers=dict(headers or {}),
        params=dict(params or {}),
        route_params=route,
        body=raw,
    )
    response = await FUNCTIONS[function](functions)(request)
    described.check(function, response)
    text = response.get_body()
    return Answered(response.status_code, response.headers, json.loads(text) if text else None)
