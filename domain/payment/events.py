"""What happened to the payment of an order.

Storage format: these names and fields lie in the store for ever. A change of either needs a new schema and an
upcaster of its aggregate (domain/registry.py); a golden file per schema holds it to that.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from domain.money import Money


@dataclass(frozen=True, slots=True)
class PaymentRequested:
    order_id: str
    amount: Money


@dataclass(frozen=True, slots=True)
class PaymentProcessed:
    """The money has arrived. `reference` is the provider's name for it."""

    order_id: str
    amount: Money
    reference: str


@dataclass(frozen=True, slots=True)
class PaymentDeclined:
    order_id: str
    reference: str
    reason: str


@dataclass(frozen=True, slots=True)
class PaymentExpired:
    """The deadline passed without an answer of the provider, or the order was given up before one came."""

    order_id: str


@dataclass(frozen=True, slots=True)
class PaymentRefunded:
    order_id: str
    amount: Money


PaymentEvent = PaymentRequested | PaymentProcessed | PaymentDeclined | PaymentExpired | PaymentRefunded

CATEGORY: Final = "payment"
"""Stream ids are `payment-<orderId>`."""

WIRE_NAMES: Final[Mapping[str, type]] = {
    "PaymentRequested": PaymentRequested,
    "PaymentProcessed": PaymentProcessed,
    "PaymentDeclined": PaymentDeclined,
    "PaymentExpired": PaymentExpired,
    "PaymentRefunded": PaymentRefunded,
}
