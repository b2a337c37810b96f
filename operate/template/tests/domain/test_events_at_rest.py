"""The format at rest: a golden file for every schema of every event, and what this build reads from it."""

import json
from pathlib import Path
from typing import Any, Final

import pytest

from domain.guest.events import GuestArrived, GuestLeft
from engine.storing.events import Metadata, StoredEvent
from engine.testing.times import NOON
from tests.registered import CODEC

GOLDEN: Final = Path(__file__).resolve().parent.parent / "golden" / "events"
SOMEHOW: Final = Metadata("event-1", NOON, "command-1", "command-1", "", "anonymous", "")

READ: Final = {
    "GuestArrived.1": GuestArrived("ada", 7),
    "GuestLeft.1": GuestLeft("ada"),
}
"""By type and schema. A golden file is never changed: the store is full of events like it."""


def golden(name: str) -> Any:
    return json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))


def test_every_schema_of_every_event_has_its_golden_file() -> None:
    known = {f"{each.name}.{schema}" for each in CODEC.types for schema in range(1, each.schema + 1)}
    assert known == {file.stem for file in GOLDEN.iterdir()} == set(READ)


@pytest.mark.parametrize("name", READ)
def test_every_golden_file_can_still_be_read(name: str) -> None:
    type_, _, schema = name.partition(".")
    stored = StoredEvent("guest-ada", 1, type_, int(schema), "command-1/0", golden(name), SOMEHOW)
    assert READ[name] == CODEC.event_of(stored)


@pytest.mark.parametrize("newest", [f"{each.name}.{each.schema}" for each in CODEC.types])
def test_an_event_is_written_as_the_golden_file_of_its_newest_schema(newest: str) -> None:
    type_, schema, data = CODEC.encode(READ[newest])
    assert (newest, golden(newest)) == (f"{type_}.{schema}", data)
