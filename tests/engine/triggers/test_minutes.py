"""A query of the sums of a span of time, on the interface of the toy domain."""

from collections.abc import Mapping
from datetime import timedelta

import pytest

from tests.engine.contexts import context
from tests.engine.toy.guest import InviteGuest, SeeOffGuest, WelcomeGuest
from tests.engine.toy.registry import GUEST
from tests.engine.triggers.door import Answered, Door, ask


@pytest.fixture
def door() -> Door:
    return Door()


async def visited(door: Door, guest: str, house: str) -> None:
    """Somebody arrives, the first one at noon, and leaves 90 seconds later."""
    for number, command in enumerate((InviteGuest(guest, house, ()), WelcomeGuest(), SeeOffGuest("home"))):
        door.world.now += timedelta(seconds=90 if number == 2 else 0)
        await door.world.commands.handle(GUEST, context(f"{guest}-{number}").to(f"guest-{guest}", command))
    await door.feed()


async def minutes(door: Door, *, headers: Mapping[str, str] | None = None, **span: str) -> Answered:
    """Without the underscore of `from_`."""
    params = {name.rstrip("_"): text for name, text in span.items()}
    return await ask(door.visits, params=params, headers=headers)


async def test_the_last_hour_is_answered_by_minute_and_series_with_totals(door: Door) -> None:
    await visited(door, "g-1", "hill")
    await visited(door, "g-2", "lake")
    assert {
        "from": "2026-11-23T11:04:00Z",
        "to": "2026-11-23T12:04:00Z",
        "minutes": [
            {"minute": "2026-11-23T12:00:00Z", "houseId": "hill", "arrivals": 1, "departures": 0, "beds": 0},
            {"minute": "2026-11-23T12:01:00Z", "houseId": "hill", "arrivals": 0, "departures": 1, "beds": 0},
            {"minute": "2026-11-23T12:01:00Z", "houseId": "lake", "arrivals": 1, "departures": 0, "beds": 0},
            {"minute": "2026-11-23T12:03:00Z", "houseId": "lake", "arrivals": 0, "departures": 1, "beds": 0},
        ],
        "totals": [
            {"houseId": "hill", "arrivals": 1, "departures": 1, "beds": 0},
            {"houseId": "lake", "arrivals": 1, "departures": 1, "beds": 0},
        ],
    } == (await minutes(door)).body


async def test_a_span_is_from_its_start_to_before_its_end(door: Door) -> None:
    await visited(door, "g-1", "hill")
    first, second = "2026-11-23T12:00:00Z", "2026-11-23T12:01:00Z"
    answered = await minutes(door, from_=first, to=second)
    assert [first] == [row["minute"] for row in answered.body["minutes"]]
    assert (first, second) == (answered.body["from"], answered.body["to"])
    since = await minutes(door, from_="2026-11-23T13:01:00 01:00")
    assert [second] == [row["minute"] for row in since.body["minutes"]]
    until = await minutes(door, to=second)
    assert "2026-11-23T11:01:00Z" == until.body["from"]


async def test_without_anything_there_are_no_rows(door: Door) -> None:
    answered = await minutes(door)
    assert (200, [], []) == (answered.status, answered.body["minutes"], answered.body["totals"])


@pytest.mark.parametrize(
    ("params", "detail"),
    [
        ({"from": "2026-01-02T03:04:00"}, "from must be an ISO 8601 date-time with a zone"),
        ({"to": "noon"}, "to must be an ISO 8601 date-time with a zone"),
        ({"from": "2026-01-02T03:04:30Z"}, "from must be a whole minute"),
        ({"to": "2026-01-02T03:04:00.5Z"}, "to must be a whole minute"),
        ({"to": "2026-11-23T12:03:00Z"}, "to must not be in the future: it is 2026-11-23T12:00:00Z here"),
        ({"from": "2026-11-23T12:01:00Z"}, "from must be before to, which is 2026-11-23T12:01:00Z"),
        ({"from": "2026-01-02T03:00:00Z", "to": "2026-01-02T02:00:00Z"}, "from must be before to"),
        ({"from": "2026-11-22T12:00:00Z"}, "which is 2026-11-23T12:01:00Z, must be at most 24 hours"),
        ({"from": "0001-01-01T00:00:00Z"}, "at most 24 hours apart"),
        ({"form": "2026-01-02T03:00:00Z"}, "did you mean from?"),
        ({"To": "2026-01-02T03:00:00Z"}, "did you mean to?"),
    ],
)
async def test_a_span_that_is_none_is_a_problem(door: Door, params: dict[str, str], detail: str) -> None:
    answered = await ask(door.visits, params=params)
    assert 400 == answered.status
    assert detail in answered.body["detail"]


@pytest.mark.parametrize(
    "params",
    [
        {"from": "2026-11-22T12:01:00Z"},
        {"from": "2026-11-23T12:00:00Z", "to": "2026-11-23T12:02:00Z"},
        {"to": "0001-01-01T02:00:00Z"},
    ],
    ids=["a day", "a clock that is ahead", "long ago"],
)
async def test_a_span_may_be_as_long_and_as_late_as_this(door: Door, params: dict[str, str]) -> None:
    assert 200 == (await ask(door.visits, params=params)).status


async def test_a_time_before_all_times_is_a_problem(door: Door) -> None:
    assert 400 == (await minutes(door, to="0001-01-01T00:30:00Z")).status


async def test_a_client_that_has_the_answer_is_not_sent_it_again(door: Door) -> None:
    await visited(door, "g-1", "hill")
    first = await minutes(door)
    same = await minutes(door, headers={"If-None-Match": first.headers["ETag"]})
    assert (304, None, first.headers["ETag"]) == (same.status, same.body, same.headers["ETag"])
    await visited(door, "g-2", "hill")
    assert 200 == (await minutes(door, headers={"If-None-Match": first.headers["ETag"]})).status
