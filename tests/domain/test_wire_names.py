"""The names under which events lie in the store and commands travel: never another one by accident."""

import json
from pathlib import Path
from typing import get_args

from domain.fulfilment.events import Request
from domain.order.commands import OrderCommand
from domain.payment.commands import PaymentCommand
from domain.registry import AGGREGATES
from domain.stock.commands import StockCommand

GOLDEN = Path(__file__).resolve().parent.parent / "golden"


def test_every_command_has_the_name_of_its_class() -> None:
    """The codec writes it so where an event holds a command; the bus does the same."""
    classes = {*get_args(OrderCommand), *get_args(PaymentCommand), *get_args(StockCommand), *get_args(Request)}
    assert classes <= {cls for each in AGGREGATES for cls in each.command_classes.values()}
    assert all(name == cls.__name__ for each in AGGREGATES for name, cls in each.command_classes.items())


def test_a_name_stands_for_one_command() -> None:
    names = [name for each in AGGREGATES for name in each.command_classes]
    assert sorted(set(names)) == sorted(names)


def test_a_class_that_is_called_otherwise_keeps_its_name_at_rest() -> None:
    """Fails for a renamed class: give its aggregate the old name of it in `renamed`. A new one is added to the file."""
    known = json.loads((GOLDEN / "names.json").read_text(encoding="utf-8"))
    assert known == {
        each.category: {"events": list(each.event_classes), "commands": list(each.command_classes)}
        for each in AGGREGATES
    }
