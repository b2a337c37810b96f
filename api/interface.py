"""The REST interface as a whole: what every service has, and what this one adds."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from api.json_types import to_json
from api.orders import OrderFunctions
from api.payments import PaymentFunctions
from api.stock import StockFunctions
from domain.order.aggregate import ORDER
from domain.payment.aggregate import PAYMENT
from domain.stock.aggregate import STOCK
from engine.projecting.query import ReadModel
from engine.triggers.http import HttpFunctions, Services


def resource_of(stream_id: str) -> str | None:
    """The path of what a stream is about."""
    category, _, entity_id = stream_id.partition("-")
    match category:
        case ORDER.category:
            return f"/api/orders/{entity_id}"
        case PAYMENT.category:
            return f"/api/orders/{entity_id}/payment"
        case STOCK.category:
            return f"/api/stock/{entity_id}"
        case _:
            return None


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
    http = HttpFunctions(services, read_models, to_json, resource_of, trust_easyauth)
    return Interface(http, OrderFunctions(http), PaymentFunctions(http), StockFunctions(http))
