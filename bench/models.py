"""Order events as pydantic models, as a team would write them that uses pydantic for its events."""

from typing import Any, Final

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class _Model(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True)


class Money(_Model, strict=True):
    amount: int
    currency: str


class Line(_Model, strict=True):
    sku: str
    quantity: int
    unit_price: Money


class Placed(_Model, strict=True):
    order_id: str
    customer_id: str
    lines: list[Line]


class Confirmed(_Model, strict=True):
    order_id: str
    customer_id: str


class Shipped(_Model, strict=True):
    order_id: str
    customer_id: str
    carrier: str
    tracking_number: str


MODELS: Final[tuple[type[BaseModel], ...]] = (Placed, Confirmed, Shipped)


def to_data(event: BaseModel) -> dict[str, Any]:
    return event.model_dump(by_alias=True)
