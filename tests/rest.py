"""Requests to the functions of HTTP without a host between. Every answer is one that is described."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import azure.functions as func

from api.dashboard.files import DashboardFiles
from api.dashboard.functions import DashboardFunctions
from api.interface import Interface, interface
from composition.domain import READ_MODELS
from engine.services import Services
from engine.settings import OperatorsSignIn
from engine.triggers.operators import Operators
from tests import described

Function = Callable[[func.HttpRequest], Awaitable[func.HttpResponse]]


@dataclass(frozen=True)
class Functions:
    """The functions of HTTP of one process."""

    interface: Interface
    dashboard: DashboardFunctions
    files: DashboardFiles


def functions(
    services: Callable[[], Awaitable[Services]], *, trust_easyauth: bool = False, sign_in: OperatorsSignIn = "key"
) -> Functions:
    return Functions(
        interface(services, READ_MODELS, trust_easyauth=trust_easyauth),
        DashboardFunctions(services, READ_MODELS, Operators(sign_in)),
        DashboardFiles(),
    )


FUNCTIONS: Final[Mapping[str, Callable[[Functions], Function]]] = {
    "place_order": lambda api: api.interface.orders.place,
    "cancel_order": lambda api: api.interface.orders.cancel,
    "report_payment": lambda api: api.interface.payments.report,
    "ship_order": lambda api: api.interface.orders.ship,
    "receive_stock": lambda api: api.interface.stock.receive,
    "get_command": lambda api: api.interface.engine.get_command,
    "get_order": lambda api: partial(api.interface.engine.query, "order-details"),
    "get_order_events": lambda api: api.interface.orders.events,
    "get_payment": lambda api: partial(api.interface.engine.query, "payment-status"),
    "get_customer_orders": lambda api: partial(api.interface.engine.query, "order-history"),
    "get_stock": lambda api: partial(api.interface.engine.query, "stock-levels"),
    "get_sales": lambda api: partial(api.interface.engine.query, "sales"),
    "get_stock_events": lambda api: api.interface.stock.events,
    "health": lambda api: api.interface.engine.health,
    "health_details": lambda api: api.interface.engine.health_details,
    "get_dashboard": lambda api: api.files.page,
    "get_dashboard_file": lambda api: api.files.file,
    "read_dashboard": lambda api: api.dashboard.read,
    "release_parked": lambda api: api.dashboard.release,
}
"""By the names of function_app.py."""


@dataclass
class Answered:
    status: int
    headers: Mapping[str, str]
    body: Any


async def send(
    functions: Functions,
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
        "GET" if function.startswith(("get", "read")) else "POST",
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
