"""The read model `sales` counts, by minute and currency, what is ordered, paid, shipped and cancelled."""

from collections.abc import Iterable
from typing import Final, TypedDict

from domain.money import DECIMALS, Money
from domain.order.aggregate import ORDER
from domain.order.events import OrderCancelled, OrderEvent, OrderPlaced, OrderShipped
from domain.payment.aggregate import PAYMENT
from domain.payment.events import PaymentEvent, PaymentProcessed, PaymentRefunded
from engine.projecting.counting.port import Sums
from engine.projecting.counting.rollup import Contribution, Rollup
from engine.projecting.query import MinutesQuery
from engine.storing.events import RecordedEvent


def contributions(
    recorded: RecordedEvent[OrderEvent | PaymentEvent], first: RecordedEvent[OrderEvent] | None
) -> Iterable[Contribution]:
    """Returns what the event adds to its minute. An order counts in the currency of its total.

    Revenue is what orders are paid with, less what of that went back: a surplus never was revenue. An order that costs
    nothing is never paid. Raises ValueError for an unknown currency, and for an OrderShipped or OrderCancelled whose
    stream does not begin with OrderPlaced.
    """
    match recorded.event:
        case OrderPlaced(total=total):
            return (_of(total.currency, "ordersPlaced", 1),)
        case OrderShipped():
            return (_of(_currency(recorded, first), "ordersShipped", 1),)
        case OrderCancelled():
            return (_of(_currency(recorded, first), "ordersCancelled", 1),)
        case PaymentProcessed(amount=amount):
            return (_of(amount.currency, "ordersPaid", 1), _of(amount.currency, "revenue", amount.amount))
        case PaymentRefunded(amount=amount):
            return (_of(amount.currency, "revenue", -amount.amount),)
        case _:
            return ()


def _currency(recorded: RecordedEvent[OrderEvent | PaymentEvent], first: RecordedEvent[OrderEvent] | None) -> str:
    if first is None or not isinstance(first.event, OrderPlaced):
        raise ValueError(f"{type(recorded.event).__name__} before OrderPlaced")
    return first.event.total.currency


def _of(currency: str, measure: str, amount: int) -> Contribution:
    if currency not in DECIMALS:
        raise ValueError(f"currency {currency!r} is not supported")
    return Contribution(currency, measure, amount)


SALES: Final = Rollup(
    name="sales",
    generation=2,
    categories=(ORDER.category, PAYMENT.category),
    contributions=contributions,
    with_first=(OrderShipped, OrderCancelled),
)


class Shown(TypedDict):
    ordersPlaced: int
    ordersPaid: int
    ordersShipped: int
    ordersCancelled: int
    revenue: str


def _shown(currency: str, sums: Sums) -> Shown:
    return {
        "ordersPlaced": sums.get("ordersPlaced", 0),
        "ordersPaid": sums.get("ordersPaid", 0),
        "ordersShipped": sums.get("ordersShipped", 0),
        "ordersCancelled": sums.get("ordersCancelled", 0),
        "revenue": str(Money(sums.get("revenue", 0), currency)),
    }


BY_TIME: Final = MinutesQuery(SALES, series="currency", shown=_shown)
