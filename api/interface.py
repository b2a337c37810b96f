"""The REST interface has the functions of the engine and those of this domain."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from api.bodies import MoneyBody
from api.json_types import to_json
from api.orders import OrderFunctions
from api.payments import PaymentFunctions
from api.stock import StockFunctions
from domain.money import Money
from domain.order.aggregate import ORDER
from domain.payment.aggregate import PAYMENT
from domain.stock.aggregate import STOCK
from engine.projecting.query import ReadModel
from engine.services import Services
from engine.triggers.http import HttpFunctions
from engine.triggers.operations import Description

_RESOURCES: Final[Mapping[str, str]] = {
    ORDER.category: "/api/orders/{}",
    PAYMENT.category: "/api/orders/{}/payment",
    STOCK.category: "/api/stock/{}",
}

DESCRIPTION: Final = Description(
    title="Orders",
    text=(
        "Commands append events to streams; queries answer from views of them. Every error is a problem (RFC 9457).\n\n"
        "A command that is sent again with its `Idempotency-Key` takes effect once, and gets its first answer again. "
        "The version that it answers, as `minVersion` of a query, shows its effect."
    ),
    parts=(OrderFunctions, PaymentFunctions, StockFunctions),
    shown_as={Money: MoneyBody},
    examples=Path(__file__).with_name("examples.json"),
)
"""Says beside the operations of the handlers what the description of the interface is made of."""


@dataclass(frozen=True, slots=True)
class Interface:
    engine: HttpFunctions
    orders: OrderFunctions
    payments: PaymentFunctions
    stock: StockFunctions


def interface(
    services: Callable[[], Awaitable[Services]], read_models: Iterable[ReadModel], *, trust_easyauth: bool
) -> Interface:
    """Returns all HTTP functions. `services` connects on first use."""
    http = HttpFunctions(services, read_models, to_json, _RESOURCES, trust_easyauth)
    return Interface(http, OrderFunctions(http), PaymentFunctions(http), StockFunctions(http))
