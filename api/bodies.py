"""The bodies of commands, as clients send them: strict, unknown properties refused. pydantic serves this edge alone."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from domain.money import Money
from domain.order.commands import CancelOrder, PlaceOrder, ShipOrder
from domain.order.events import OrderLine
from domain.payment.commands import DeclinePayment, ProcessPayment
from domain.stock.commands import ReceiveStock
from engine.triggers.http_requests import NAME_PATTERN

Name = Annotated[str, Field(pattern=NAME_PATTERN)]
Quantity = Annotated[int, Field(ge=1, le=1_000_000)]
Label = Annotated[str, Field(min_length=1, max_length=100)]
Reason = Annotated[str, Field(min_length=1, max_length=500)]


class _Body(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, alias_generator=to_camel)


def _text(amount: object) -> object:
    if not isinstance(amount, str):
        raise ValueError('a decimal string, such as "12.50": a number of JSON may be rounded on its way')
    return amount


class MoneyBody(_Body):
    amount: Annotated[str, BeforeValidator(_text)]
    currency: str

    @model_validator(mode="after")
    def _is_money(self) -> Self:
        self.to_domain()
        return self

    def to_domain(self) -> Money:
        return Money.parse(self.amount, self.currency)


class LineBody(_Body):
    sku: Name
    quantity: Quantity
    unit_price: MoneyBody


class PlaceOrderBody(_Body):
    customer_id: Name
    lines: Annotated[list[LineBody], Field(min_length=1, max_length=100)]

    @model_validator(mode="after")
    def _has_one_currency(self) -> Self:
        if len({line.unit_price.currency for line in self.lines}) > 1:
            raise ValueError("all lines of an order have the same currency")
        return self

    def to_domain(self, order_id: str) -> PlaceOrder:
        lines = (OrderLine(line.sku, line.quantity, line.unit_price.to_domain()) for line in self.lines)
        return PlaceOrder(order_id, self.customer_id, tuple(lines))


class CancellationBody(_Body):
    reason: Reason

    def to_domain(self) -> CancelOrder:
        return CancelOrder(self.reason)


class ShipmentBody(_Body):
    carrier: Label
    tracking_number: Label

    def to_domain(self) -> ShipOrder:
        return ShipOrder(self.carrier, self.tracking_number)


class PaymentBody(_Body):
    """What a payment provider reports. `reference` is its name for the payment."""

    outcome: Literal["processed", "declined"]
    reference: Annotated[str, Field(pattern=r"^[\x20-\x7e]{1,100}$")]
    reason: Reason | None = None

    @model_validator(mode="after")
    def _gives_a_reason_for_a_refusal_only(self) -> Self:
        if self.outcome == "processed" and self.reason is not None:
            raise ValueError("a payment that was processed has no reason")
        return self

    @property
    def key(self) -> str:
        """The same for a report that is sent again: a payment may well be processed after it was declined."""
        return f"{self.outcome} {self.reference}"

    def to_domain(self) -> ProcessPayment | DeclinePayment:
        if self.outcome == "processed":
            return ProcessPayment(self.reference)
        return DeclinePayment(self.reference, self.reason or "no reason given")


class ReceiptBody(_Body):
    quantity: Quantity

    def to_domain(self, sku: str) -> ReceiveStock:
        return ReceiveStock(sku, self.quantity)
