"""The bodies of commands, as clients send them: strict, unknown properties refused. pydantic serves this edge alone."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from domain.money import Money
from domain.order.commands import CancelOrder, PlaceOrder
from domain.order.events import OrderLine
from domain.stock.commands import ReceiveStock
from triggers.http_requests import NAME_PATTERN

Name = Annotated[str, Field(pattern=NAME_PATTERN)]
Quantity = Annotated[int, Field(ge=1, le=1_000_000)]


class _Body(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, alias_generator=to_camel)


class MoneyBody(_Body):
    amount: str
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
    reason: Annotated[str, Field(min_length=1, max_length=500)]

    def to_domain(self) -> CancelOrder:
        return CancelOrder(self.reason)


class ReceiptBody(_Body):
    quantity: Quantity

    def to_domain(self, sku: str) -> ReceiveStock:
        return ReceiveStock(sku, self.quantity)
