"""The names under which commands travel."""

from typing import get_args

from domain.fulfilment.events import Request
from domain.order.commands import OrderCommand
from domain.payment.commands import PaymentCommand
from domain.registry import AGGREGATES
from domain.stock.commands import StockCommand


def test_every_command_has_the_name_of_its_class() -> None:
    """The codec writes it so where an event holds a command; the bus does the same."""
    classes = {*get_args(OrderCommand), *get_args(PaymentCommand), *get_args(StockCommand), *get_args(Request)}
    assert classes <= {cls for each in AGGREGATES for cls in each.command_classes.values()}
    assert all(name == cls.__name__ for each in AGGREGATES for name, cls in each.command_classes.items())


def test_a_name_stands_for_one_command() -> None:
    names = [name for each in AGGREGATES for name in each.command_classes]
    assert sorted(set(names)) == sorted(names)
