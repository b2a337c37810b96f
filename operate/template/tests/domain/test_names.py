"""The names under which events lie in the store and commands travel: never another one by accident."""

import json
from pathlib import Path

from domain.registry import AGGREGATES

GOLDEN = Path(__file__).resolve().parent.parent / "golden"


def test_a_class_that_is_called_otherwise_keeps_its_name_at_rest() -> None:
    """Fails for a renamed class: give its aggregate the old name of it in `renamed`. A new one is added to the file."""
    known = json.loads((GOLDEN / "names.json").read_text(encoding="utf-8"))
    assert known == {
        each.category: {"events": list(each.event_classes), "commands": list(each.command_classes)}
        for each in AGGREGATES
    }


def test_a_name_stands_for_one_command() -> None:
    names = [name for each in AGGREGATES for name in each.command_classes]
    assert sorted(set(names)) == sorted(names)
