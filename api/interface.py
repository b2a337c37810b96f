"""The REST interface as a whole: what every service has, and what this one adds."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from api.json_types import to_json
from api.orders import OrderFunctions
from api.payments import PaymentFunctions
from api.stock import StockFunctions
from engine.projecting.query import ReadModel
from engine.triggers.http import HttpFunctions, Services


@dataclass(frozen=True, slots=True)
class Interface:
    engine: HttpFunctions
    orders: OrderFunctions
    payments: PaymentFunctions
    stock: StockFunctions


def interface(
    services: Callable[[], Awaitable[Services]], read_models: Iterable[ReadModel], *, trust_easyauth: bool
) -> Interface:
    """`services` connects on first use."""
    http = HttpFunctions(services, read_models, to_json, trust_easyauth)
    return Interface(http, OrderFunctions(http), PaymentFunctions(http), StockFunctions(http))
