"""The REST interface has the functions of the engine and those of this domain."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from api.json_types import to_json
from api.orders import OrderFunctions
from api.payments import PaymentFunctions
from api.stock import StockFunctions
from domain.order.aggregate import ORDER
from domain.payment.aggregate import PAYMENT
from domain.stock.aggregate import STOCK
from engine.projecting.query import ReadModel
from engine.services import Services
from engine.triggers.http import HttpFunctions

_RESOURCES: Final[Mapping[str, str]] = {
    ORDER.category: "/api/orders/{}",
    PAYMENT.category: "/api/orders/{}/payment",
    STOCK.category: "/api/stock/{}",
}


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
