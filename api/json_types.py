"""Clients see events and views as JSON: camelCase, money as decimal strings, times in UTC."""

from typing import Any, Final

from domain.money import Money
from engine.storing.converter import Converter

_converter: Final = Converter(encoders={Money: lambda money: {"amount": str(money), "currency": money.currency}})


def to_json(value: object) -> Any:
    return _converter.encode(value)
