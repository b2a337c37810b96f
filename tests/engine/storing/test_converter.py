"""What dataclasses are as plain JSON data, beyond what the events of `test_codec.py` show."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

import pytest
from msgspec import ValidationError

from engine.storing.converter import LEFT_OUT_IF_DEFAULT, Converter, names_at_rest
from engine.testing.times import NOON

STRICT, LENIENT = Converter(), Converter(unknown_keys="ignored")


@dataclass(frozen=True, slots=True)
class Bed:
    room_number: int
    made_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class House:
    name: str
    beds: tuple[Bed, ...] = ()
    best_bed: Bed | None = None
    kind: Literal["hotel", "inn"] = "inn"
    opened_at: datetime = NOON
    last_guest: str | None = field(default=None, metadata=LEFT_OUT_IF_DEFAULT)
    notes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Even:
    number: int

    def __post_init__(self) -> None:
        if self.number % 2:
            raise ValueError("an odd number")


@dataclass
class WithoutSlots:
    number: int
    extra: int = field(default=3, kw_only=True)


@dataclass
class Unordered:
    numbers: set[int]


WHOLE = House("hill", (Bed(1, NOON), Bed(2)), Bed(3), "hotel", NOON, "ada", {"colour": "red"})
AS_DATA = {
    "name": "hill",
    "beds": [{"roomNumber": 1, "madeAt": "2026-11-23T12:00:00Z"}, {"roomNumber": 2, "madeAt": None}],
    "bestBed": {"roomNumber": 3, "madeAt": None},
    "kind": "hotel",
    "openedAt": "2026-11-23T12:00:00Z",
    "lastGuest": "ada",
    "notes": {"colour": "red"},
}


def test_what_is_written_is_read_again() -> None:
    assert AS_DATA == STRICT.encode(WHOLE)
    assert list(AS_DATA) == list(STRICT.encode(WHOLE))
    assert WHOLE == STRICT.decode(AS_DATA, House)


def test_what_has_a_default_may_be_missing() -> None:
    assert House("hill") == STRICT.decode({"name": "hill"}, House)
    assert WithoutSlots(1) == STRICT.decode({"number": 1}, WithoutSlots)
    assert WithoutSlots(1, extra=2) == STRICT.decode({"number": 1, "extra": 2}, WithoutSlots)


def test_defaults_are_not_shared() -> None:
    first, second = (STRICT.decode({"name": "hill"}, House) for _ in range(2))
    assert first.notes is not second.notes


def test_a_field_that_was_added_is_left_out_while_it_has_nothing_to_say() -> None:
    assert "lastGuest" not in STRICT.encode(House("hill"))
    assert "lastGuest" in names_at_rest(House)


def test_keys_that_are_not_known_are_refused_or_ignored_at_every_depth() -> None:
    for more in ({"stars": 5}, {"beds": [{"roomNumber": 1, "soft": True}]}):
        assert "hill" == LENIENT.decode({**AS_DATA, **more}, House).name
        with pytest.raises(ValidationError, match="unknown field"):
            STRICT.decode({**AS_DATA, **more}, House)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"name": 5}, r"Expected `str`, got `int` - at `\$.name`"),
        ({"beds": [{"roomNumber": True}]}, r"Expected `int`, got `bool` - at `\$.beds\[0\].roomNumber`"),
        ({"beds": [{"room_number": 1}]}, r"unknown field `room_number` - at `\$.beds\[0\]`"),
        ({"beds": [{}]}, r"missing required field `roomNumber` - at `\$.beds\[0\]`"),
        ({"bestBed": []}, r"Expected `object \| null`, got `array` - at `\$.bestBed`"),
        ({"kind": "castle"}, r"Invalid enum value 'castle' - at `\$.kind`"),
    ],
    ids=repr,
)
def test_an_error_says_what_is_wrong_and_where(changed: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        STRICT.decode({**AS_DATA, **changed}, House)


def test_what_a_dataclass_checks_itself_is_checked() -> None:
    assert Even(2) == STRICT.decode({"number": 2}, Even)
    with pytest.raises(ValueError, match="an odd number"):
        STRICT.decode({"number": 3}, Even)


def test_what_is_read_is_as_frozen_as_what_is_made() -> None:
    bed = STRICT.decode({"roomNumber": 1}, Bed)
    with pytest.raises(AttributeError):
        bed.room_number = 2  # type: ignore[misc]
    assert {bed: "hashable"} == {Bed(1): "hashable"}


def test_a_type_that_has_no_form_at_rest_is_refused_before_anything_is_written() -> None:
    for ask in (STRICT.encoder, STRICT.decoder):
        with pytest.raises(TypeError, match=r"set\[int\] has no form at rest"):
            ask(Unordered)


def test_a_class_can_be_written_in_another_form() -> None:
    converter = Converter(encoders={Bed: lambda bed: f"bed {bed.room_number}"})
    written = converter.encode(WHOLE)
    assert (["bed 1", "bed 2"], "bed 3") == (written["beds"], written["bestBed"])
    assert "bed 4" == converter.encode(Bed(4))


def test_a_time_is_read_as_utc() -> None:
    read = STRICT.decode({"roomNumber": 1, "madeAt": "2026-11-23T13:00:00+01:00"}, Bed).made_at
    assert (NOON, UTC) == (read, read and read.tzinfo)
