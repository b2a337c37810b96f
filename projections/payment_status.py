"""The read model `payment-status` shows the payment of one order, and where the money is."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Literal, assert_never

from domain.money import Money
from domain.payment.aggregate import PAYMENT
from domain.payment.events import (
    PaymentDeclined,
    PaymentEvent,
    PaymentExpired,
    PaymentProcessed,
    PaymentRefunded,
    PaymentRequested,
    SurplusReceived,
    SurplusRefunded,
)
from engine.projecting.projection import Projection
from engine.projecting.query import StreamQuery
from engine.storing.converter import LEFT_OUT_IF_DEFAULT
from engine.storing.events import RecordedEvent


@dataclass(frozen=True, slots=True)
class Surplus:
    """Shows what came under further references, in all, and how much of it went back."""

    received: Money
    refunded: Money


@dataclass(frozen=True, slots=True)
class PaymentStatus:
    """Shows a payment.

    `reference` is the provider's id, `reason` why it was declined, `changed_at` when its status changed. `surplus` is
    beside all this: whatever else came, the order was paid once.
    """

    order_id: str
    status: Literal["requested", "processed", "declined", "expired", "refunded"]
    amount: Money
    requested_at: datetime
    changed_at: datetime
    reference: str | None = None
    reason: str | None = None
    surplus: Surplus | None = field(default=None, metadata=LEFT_OUT_IF_DEFAULT)


def project(view: PaymentStatus | None, recorded: RecordedEvent[PaymentEvent]) -> PaymentStatus:
    """Returns the view after the event. Raises ValueError if the stream does not begin with PaymentRequested."""
    event, at = recorded.event, recorded.occurred_at
    if isinstance(event, PaymentRequested):
        return PaymentStatus(event.order_id, "requested", event.amount, at, at)
    if view is None:
        raise ValueError(f"{type(event).__name__} before PaymentRequested")
    match event:
        case PaymentProcessed():
            return replace(view, status="processed", changed_at=at, reference=event.reference, reason=None)
        case PaymentDeclined():
            return replace(view, status="declined", changed_at=at, reference=event.reference, reason=event.reason)
        case PaymentExpired():
            return replace(view, status="expired", changed_at=at)
        case PaymentRefunded():
            return replace(view, status="refunded", changed_at=at)
        case SurplusReceived():
            return replace(view, surplus=_with(view, received=event.amount.amount))
        case SurplusRefunded():
            return replace(view, surplus=_with(view, refunded=event.amount.amount))
        case _:
            assert_never(event)


def _with(view: PaymentStatus, *, received: int = 0, refunded: int = 0) -> Surplus:
    nothing = Money(0, view.amount.currency)
    surplus = view.surplus or Surplus(nothing, nothing)
    return Surplus(_plus(surplus.received, received), _plus(surplus.refunded, refunded))


def _plus(money: Money, amount: int) -> Money:
    return Money(money.amount + amount, money.currency)


PAYMENT_STATUS: Final = Projection(
    name="payment-status",
    generation=1,
    category=PAYMENT.category,
    view_class=PaymentStatus,
    project=project,
    indexed=("view/status",),
)

BY_ORDER: Final = StreamQuery(
    PAYMENT_STATUS,
    parameter="orderId",
    unknown="No payment has been requested for this order. It is within seconds of placing one, once all is reserved.",
)
