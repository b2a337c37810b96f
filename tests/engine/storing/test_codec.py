"""Strict decoding, upcasting, and the form of times at rest."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Generic, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.storing.codec import EventCodec, EventType
from engine.storing.errors import NewerEvent, UndecodableEvent
from engine.storing.events import Metadata, StoredEvent, time_at_rest, time_from_rest
from engine.testing.times import NOON


@dataclass(frozen=True, slots=True)
class Detail:
    unit_count: int


@dataclass(frozen=True, slots=True)
class Walk:
    step_count: int


@dataclass(frozen=True, slots=True)
class Wait:
    pass


A = TypeVar("A")


@dataclass(frozen=True, slots=True)
class Planned(Generic[A]):
    action: A


@dataclass(frozen=True, slots=True)
class Decided:
    plans: tuple[Planned[Walk | Wait], ...]


@dataclass(frozen=True, slots=True)
class Happened:
    long_name: str
    details: tuple[Detail, ...]
    really: bool
    at: datetime | None = None


def _from_the_first_schema(data: Any) -> Any:
    return {"longName": data["name"], "details": []}


def _from_the_second_schema(data: Any) -> Any:
    return {**data, "really": True, "at": None}


CODEC = EventCodec(
    [
        EventType("Happened", Happened, (_from_the_first_schema, _from_the_second_schema)),
        EventType("Decided", Decided),
    ]
)
METADATA = Metadata("e", NOON, "c", "c", "t", "a", "f")


def stored(data: Any, *, type_: str = "Happened", schema: int = 3) -> StoredEvent:
    return StoredEvent("s-1", 7, type_, schema, "k/0", data, METADATA)


def test_data_is_camel_case_json_of_the_newest_schema() -> None:
    data = {"longName": "n", "details": [{"unitCount": 1}], "really": True, "at": "2026-11-23T12:00:00Z"}
    assert ("Happened", 3, data) == CODEC.encode(Happened("n", (Detail(1),), really=True, at=NOON))


@pytest.mark.parametrize(
    ("schema", "data"),
    [(1, {"name": "n"}), (2, {"longName": "n", "details": []}), (3, {"longName": "n", "details": [], "really": True})],
)
def test_every_older_schema_is_lifted_to_the_present_one(schema: int, data: Any) -> None:
    assert Happened("n", (), really=True) == CODEC.decode(stored(data, schema=schema)).event


@pytest.mark.parametrize(
    "changed",
    [
        {"longName": 5},
        {"longName": None},
        {"details": "ab"},
        {"details": [{"unitCount": True}]},
        {"details": [{"unitCount": "1"}]},
        {"details": [{"unitCount": 1.0}]},
        {"details": [{}]},
        {"details": [{"unitCount": 1, "more": 1}]},
        {"really": 1},
        {"at": "2026-11-23T12:00:00"},
        {"at": "noon"},
        {"unknown": 1},
    ],
    ids=repr,
)
def test_data_of_another_shape_is_not_understood(changed: dict[str, Any]) -> None:
    data = {"longName": "n", "details": [], "really": True, **changed}
    with pytest.raises(UndecodableEvent, match="event 7 of stream s-1"):
        CODEC.decode(stored(data))


def test_missing_data_is_not_understood() -> None:
    with pytest.raises(UndecodableEvent):
        CODEC.decode(stored({"longName": "n", "really": True}))


def test_a_member_of_a_union_is_told_by_its_type() -> None:
    event = Decided((Planned(Walk(3)), Planned(Wait())))
    data = {"plans": [{"action": {"type": "Walk", "stepCount": 3}}, {"action": {"type": "Wait"}}]}
    assert ("Decided", 1, data) == CODEC.encode(event)
    assert event == CODEC.decode(stored(data, type_="Decided", schema=1)).event


@pytest.mark.parametrize(
    "action",
    [
        {"stepCount": 3},
        {"type": "Run"},
        {"type": ["Walk"]},
        {"type": "Walk"},
        {"type": "Walk", "stepCount": "3"},
        {"type": "Wait", "stepCount": 3},
        [["type", "Wait"]],
        "Wait",
        None,
    ],
    ids=repr,
)
def test_what_is_no_member_of_a_union_is_not_understood(action: Any) -> None:
    with pytest.raises(UndecodableEvent):
        CODEC.decode(stored({"plans": [{"action": action}]}, type_="Decided", schema=1))


@pytest.mark.parametrize(("type_", "schema"), [("Happened", 4), ("NeverHeardOf", 1)])
def test_what_a_newer_build_wrote_is_told_apart_from_what_is_broken(type_: str, schema: int) -> None:
    with pytest.raises(NewerEvent):
        CODEC.decode(stored({}, type_=type_, schema=schema))


def test_a_name_and_a_class_are_registered_once() -> None:
    with pytest.raises(ValueError, match="twice"):
        EventCodec([EventType("A", Happened), EventType("A", Detail)])
    with pytest.raises(ValueError, match="twice"):
        EventCodec([EventType("A", Happened), EventType("B", Happened)])


@pytest.mark.parametrize(
    ("time", "text"),
    [
        (NOON, "2026-11-23T12:00:00Z"),
        (NOON + timedelta(microseconds=120_000), "2026-11-23T12:00:00.12Z"),
        (NOON + timedelta(microseconds=123_456), "2026-11-23T12:00:00.123456Z"),
        (datetime(2026, 11, 23, 13, tzinfo=timezone(timedelta(hours=1))), "2026-11-23T12:00:00Z"),
    ],
)
def test_a_time_at_rest_is_utc_without_trailing_zeros(time: datetime, text: str) -> None:
    assert text == time_at_rest(time)


@given(st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC)))  # noqa: DTZ001
def test_every_time_comes_back(time: datetime) -> None:
    assert time == time_from_rest(time_at_rest(time))
