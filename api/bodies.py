"""The bodies of commands are strict: unknown properties are refused.

pydantic is used at this edge only.
"""

from typing import Annotated, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from domain.money import DECIMAL, DECIMALS, Money
from engine.triggers.http_requests import NAME_PATTERN

Name = Annotated[str, Field(pattern=NAME_PATTERN)]
Quantity = Annotated[int, Field(ge=1, le=1_000_000)]
Label = Annotated[str, Field(min_length=1, max_length=100)]
Reason = Annotated[str, Field(min_length=1, max_length=500)]


class Body(BaseModel):
    """Is the base class of bodies: camelCase, no coercion, no unknown properties."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, alias_generator=to_camel)


def _text(amount: object) -> object:
    if not isinstance(amount, str):
        raise ValueError('a decimal string, such as "12.50": a number of JSON may be rounded on its way')
    return amount


class MoneyBody(Body):
    # What `Money.parse` takes: the schema says it, and the message of its error says more than a schema can.
    amount: Annotated[str, BeforeValidator(_text), Field(json_schema_extra={"pattern": f"^{DECIMAL.pattern}$"})]
    currency: Annotated[str, Field(json_schema_extra={"enum": sorted(DECIMALS)})]

    @model_validator(mode="after")
    def _is_money(self) -> Self:
        self.to_domain()
        return self

    def to_domain(self) -> Money:
        return Money.parse(self.amount, self.currency)
