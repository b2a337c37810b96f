"""What happened to the payment of an order.

Storage format: these names and fields lie in the store for ever. A change of either needs a new schema and an
upcaster in `aggregate.py`; a golden file per schema holds it to that.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

from domain.money import Money

PaymentStatus = Literal["requested", "processed", "declined", "expired", "refunded", "surplus", "surplus-refunded"]
"""Where each event leaves a payment."""


@dataclass(frozen=True, slots=True)
class PaymentRequested:
    status: ClassVar[PaymentStatus] = "requested"

    order_id: str
    amount: Money


@dataclass(frozen=True, slots=True)
class PaymentProcessed:
    """The money has arrived. `reference` is the provider's name for it."""

    status: ClassVar[PaymentStatus] = "processed"

    order_id: str
    amount: Money
    reference: str


@dataclass(frozen=True, slots=True)
class PaymentDeclined:
    status: ClassVar[PaymentStatus] = "declined"

    order_id: str
    reference: str
    reason: str


@dataclass(frozen=True, slots=True)
class PaymentExpired:
    """The deadline passed without an answer of the provider, or the order was given up before one came."""

    status: ClassVar[PaymentStatus] = "expired"

    order_id: str


@dataclass(frozen=True, slots=True)
class PaymentRefunded:
    status: ClassVar[PaymentStatus] = "refunded"

    order_id: str
    amount: Money


@dataclass(frozen=True, slots=True)
class SurplusReceived:
    """Money has arrived once more, under another reference. An order is paid once: this belongs to nobody here."""

    status: ClassVar[PaymentStatus] = "surplus"

    order_id: str
    amount: Money
    reference: str


@dataclass(frozen=True, slots=True)
class SurplusRefunded:
    """What came under this reference goes back. What the order was paid with is not touched."""

    status: ClassVar[PaymentStatus] = "surplus-refunded"

    order_id: str
    amount: Money
    reference: str


PaymentEvent = (
    PaymentRequested
    | PaymentProcessed
    | PaymentDeclined
    | PaymentExpired
    | PaymentRefunded
    | SurplusReceived
    | SurplusRefunded
)
