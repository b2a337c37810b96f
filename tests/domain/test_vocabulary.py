"""What events and commands can say, and under which names: never another thing by accident."""

import json
from pathlib import Path
from typing import get_args

from domain.fulfilment.events import Request
from domain.order.commands import OrderCommand
from domain.payment.commands import PaymentCommand
from domain.registry import AGGREGATES, processes
from domain.stock.commands import StockCommand
from engine.assembly import Domain
from engine.testing.vocabulary import vocabulary_of

GOLDEN = Path(__file__).resolve().parent.parent / "golden"


def test_every_command_has_the_name_of_its_class() -> None:
    """The codec writes it so where an event holds a command; the bus does the same."""
    classes = {*get_args(OrderCommand), *get_args(PaymentCommand), *get_args(StockCommand), *get_args(Request)}
    assert classes <= {cls for each in AGGREGATES for cls in each.command_classes.values()}
    assert all(name == cls.__name__ for each in AGGREGATES for name, cls in each.command_classes.items())


def test_a_name_stands_for_one_command() -> None:
    names = [name for each in AGGREGATES for name in each.command_classes]
    assert sorted(set(names)) == sorted(names)


def test_what_can_be_said_is_known_by_a_number() -> None:
    """Fails when an event, a command or the inputs of a process have changed, since builds of before cannot read that.

    Raise `vocabulary` of the aggregate, then write what it says now to the file. For a class that is only called
    otherwise, give its aggregate the old name in `renamed` instead.
    """
    known = json.loads((GOLDEN / "vocabulary.json").read_text(encoding="utf-8"))
    assert known == vocabulary_of(Domain(AGGREGATES, processes(payment_deadline_seconds=0)))
