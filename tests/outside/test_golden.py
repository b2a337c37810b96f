"""Nothing outside the code has changed: what today's code makes is what the golden files hold, byte for byte."""

from difflib import unified_diff
from typing import Final, get_args

import pytest

from domain.fulfilment.facts import EarlyFact
from domain.registry import AGGREGATES
from tests.outside.at_rest import EARLY_FACTS
from tests.outside.rendered import GOLDEN, golden_of, rendered
from tests.outside.samples import SAMPLES

_LINES_SHOWN: Final = 100


@pytest.mark.parametrize("name", SAMPLES)
async def test_what_lies_outside_is_as_it_was(name: str) -> None:
    golden = golden_of(name)
    assert golden.exists(), f"{golden.name} is missing: `python -m tests.outside.write` writes it"
    was, now = golden.read_bytes().decode(), rendered(await SAMPLES[name]())
    is_same = was == now
    assert is_same, _difference(was, now)


def test_every_golden_file_is_compared() -> None:
    assert set(SAMPLES) == {file.name.removesuffix(".json") for file in GOLDEN.iterdir()}


def test_every_kind_of_event_and_command_travels_in_a_story() -> None:
    told = golden_of("bus-messages").read_text(encoding="utf-8")
    names = {name for each in AGGREGATES for name in (*each.event_classes, *each.command_classes)}
    assert set() == {name for name in names if f'"subject": "{name}"' not in told}


def test_every_fact_that_may_be_remembered_has_its_item() -> None:
    assert set(get_args(EarlyFact)) == {type(fact) for fact in EARLY_FACTS}


def _difference(was: str, now: str) -> str:
    """Short, and soon: pytest's own takes minutes over thousands of lines."""
    lines = list(unified_diff(was.splitlines(), now.splitlines(), "golden", "now", lineterm=""))
    return "\n".join(["not what it was:", *lines[:_LINES_SHOWN]])
