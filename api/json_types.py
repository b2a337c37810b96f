"""Clients see events and views as JSON: camelCase, money as decimal strings, times in UTC."""

from typing import Any

from domain.money import Money
from engine.storing.codec import strict_converter

_converter = strict_converter()
_converter.register_unstructure_hook(Money, lambda money: {"amount": str(money), "currency": money.currency})


def to_json(value: object) -> Any:
    return _converter.unstructure(value)
