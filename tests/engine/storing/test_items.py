"""The format at rest: golden files, one per event type and schema, and the limits of a transaction."""

import json
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.deciding.process import Issued
from engine.storing import items
from engine.storing.errors import AppendTooLarge, UndecodableEvent
from engine.storing.events import Metadata, StoredEvent
from engine.storing.items import MAX_EVENT_BYTES, MAX_EVENTS, from_item, to_item, to_items
from engine.testing.times import NOON
from tests.engine.toy.greeting import Greeted, Parted, Remind, Reminded
from tests.engine.toy.guest import DismissGuest, GuestArrived, GuestDismissed, GuestInvited, GuestLeft, Wish
from tests.engine.toy.house import BedsAdded, BedsRefused, BedsReturned, BedsTaken, ReturnBeds
from tests.engine.toy.registry import CODEC

GOLDEN = Path(__file__).parents[1] / "golden" / "events"
METADATA = Metadata(
    event_id="b8f5f1a2-9c1e-4f6e-8f43-5d1d5a0f7a11",
    occurred_at=NOON,
    correlation_id="3f1c9a52-5d8e-5b0a-9a51-000000000001",
    causation_id="3f1c9a52-5d8e-5b0a-9a51-000000000001",
    traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    actor="anonymous",
    fingerprint="n4bQgYhMfWWaL-qgxVrQFg",
)
GUEST_ID = "7c0e4c1a-1111-5222-8333-444455556666"

EXAMPLES = (
    GuestInvited(GUEST_ID, "hill", (Wish("a window", 2), Wish("Käfer 漢字", 1))),
    GuestArrived(GUEST_ID, "hill"),
    GuestLeft(GUEST_ID, "hill", "the sea"),
    GuestDismissed(GUEST_ID, "hill", "too loud"),
    BedsAdded("hill", 10),
    BedsTaken("hill", GUEST_ID, 2),
    BedsRefused("hill", GUEST_ID, 2, 1),
    BedsReturned("hill", GUEST_ID, 2),
    Greeted(
        GUEST_ID,
        (
            Issued("guest", GUEST_ID, DismissGuest("nobody came"), 60),
            Issued("greeting", GUEST_ID, Remind(), 30),
        ),
    ),
    Reminded(),
    Parted(GUEST_ID, (Issued("house", "hill", ReturnBeds("hill", GUEST_ID)),)),
)


def stored(event: object, version: int = 3) -> StoredEvent:
    type_, schema, data = CODEC.encode(event)
    key = "3f1c9a52-5d8e-5b0a-9a51-000000000001/0"
    return StoredEvent(f"guest-{GUEST_ID}", version, type_, schema, key, data, METADATA)


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: type(event).__name__)
def test_an_event_is_written_as_its_golden_file_says(event: object) -> None:
    item = to_item(stored(event))
    golden = json.loads((GOLDEN / f"{item['type']}.{item['schema']}.json").read_text(encoding="utf-8"))
    assert golden == item


@pytest.mark.parametrize("file", sorted(GOLDEN.glob("*.json")), ids=lambda file: file.stem)
def test_every_golden_file_can_still_be_read(file: Path) -> None:
    decoded = CODEC.decode(from_item(json.loads(file.read_text(encoding="utf-8"))))
    example = next(each for each in EXAMPLES if type(each) is type(decoded.event))
    assert example == decoded.event
    assert NOON == decoded.occurred_at


def test_every_type_and_schema_has_its_golden_file() -> None:
    expected = {f"{each.name}.{schema}" for each in CODEC.types for schema in range(1, each.schema + 1)}
    assert expected == {file.stem for file in GOLDEN.glob("*.json")}


def test_an_item_comes_back_as_the_event_it_was() -> None:
    event = stored(BedsAdded("hill", 10))
    assert event == from_item({**to_item(event), "_ts": 1, "_etag": '"x"', "_lsn": 5})


@pytest.mark.parametrize(
    "changed",
    [{"id": "0000000004"}, {"version": "3"}, {"version": True, "id": "000000True"}, {"schema": "1"}, {"type": 5},
     {"schema": 0}, {"streamId": None}, {"data": "x"}, {"metadata": {}}, {"metadata": None}],
    ids=repr,
)  # fmt: skip
def test_an_item_that_is_no_event_is_not_understood(changed: dict[str, Any]) -> None:
    with pytest.raises(UndecodableEvent):
        from_item({**to_item(stored(BedsAdded("hill", 10))), **changed})


@pytest.mark.parametrize(
    "changed",
    [{"actor": None}, {"eventId": 5}, {"occurredAt": "noon"}, {"occurredAt": "2026-11-23T12:00:00"}],
    ids=repr,
)
def test_metadata_of_another_kind_is_not_understood(changed: dict[str, Any]) -> None:
    item = to_item(stored(BedsAdded("hill", 10)))
    with pytest.raises(UndecodableEvent, match=rf"at `\$.metadata.{next(iter(changed))}`"):
        from_item({**item, "metadata": {**item["metadata"], **changed}})


def test_the_time_of_an_event_is_in_utc() -> None:
    item = to_item(stored(BedsAdded("hill", 10)))
    read = from_item({**item, "metadata": {**item["metadata"], "occurredAt": "2026-11-23T13:00:00+01:00"}})
    assert (NOON, UTC) == (read.metadata.occurred_at, read.metadata.occurred_at.tzinfo)


def test_a_document_of_somebody_else_is_not_understood() -> None:
    with pytest.raises(UndecodableEvent):
        from_item({"id": "x", "streamId": "guest-1"})


def test_one_transaction_holds_99_events() -> None:
    event = stored(BedsAdded("hill", 10))
    assert MAX_EVENTS == len(to_items([event] * MAX_EVENTS))
    with pytest.raises(AppendTooLarge, match="100 events"):
        to_items([event] * (MAX_EVENTS + 1))


@given(st.text(st.characters(codec="utf-8") | st.just("\ud800")), st.text(), st.integers(1, 10**10 - 1))
def test_no_event_has_more_bytes_than_the_quick_look_at_it_says(text: str, more: str, version: int) -> None:
    event = stored(GuestDismissed(GUEST_ID, "hill", text), version)
    metadata = replace(METADATA, actor=text, traceparent=more)
    event = replace(event, stream_id=text, command_key=more, metadata=metadata)
    written = json.dumps(to_item(event), ensure_ascii=False).encode("utf-8", "surrogatepass")
    assert len(written) <= items.most_bytes(event)


def test_an_event_is_at_most_200_kilobytes() -> None:
    small = stored(GuestDismissed(GUEST_ID, "hill", ""))
    room = MAX_EVENT_BYTES - len(json.dumps(to_item(small), ensure_ascii=False).encode())
    to_items([replace(small, data={**small.data, "reason": "x" * room})])
    with pytest.raises(AppendTooLarge, match="bytes"):
        to_items([replace(small, data={**small.data, "reason": "x" * (room + 1)})])
