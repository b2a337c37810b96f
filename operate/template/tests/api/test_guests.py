"""The REST interface, as clients see it."""

from functools import partial
from typing import Any

import pytest

from tests.api.conftest import Api


async def arrive(api: Api, guest: str, room: Any, key: str | None = None) -> tuple[int, Any]:
    return await api.post(api.functions.guests.arrive, {"room": room}, key=key, guest=guest)


async def test_a_guest_arrives_and_is_in_the_book(api: Api) -> None:
    assert (200, {"guest": "ada", "stream": "guest-ada", "version": 1}) == await arrive(api, "ada", 7)
    await api.feed()
    status, page = await api.get(partial(api.functions.engine.query, "guest-book"), guest="ada")
    assert (200, "ada", 7, 1, 1) == (status, page["guest"], page["room"], page["visits"], page["version"])


async def test_the_same_key_takes_effect_once(api: Api) -> None:
    first = await arrive(api, "ada", 7, key="k-1")
    await api.post(api.functions.guests.leave, {}, guest="ada")
    assert first == await arrive(api, "ada", 7, key="k-1")


async def test_a_guest_leaves_and_the_events_tell(api: Api) -> None:
    await arrive(api, "ada", 7)
    assert (200, 2) == _version(await api.post(api.functions.guests.leave, {}, guest="ada"))
    _, story = await api.get(api.functions.guests.events, guest="ada")
    assert ["GuestArrived", "GuestLeft"] == [event["type"] for event in story["events"]]
    assert {"guest": "ada", "room": 7}.items() <= story["events"][0]["data"].items()


async def test_what_the_rules_refuse_is_a_conflict_in_their_words(api: Api) -> None:
    await arrive(api, "ada", 7)
    status, problem = await arrive(api, "ada", 8)
    assert (409, "The guest is in room 7.") == (status, problem["detail"])


async def test_who_was_never_here_is_not_found(api: Api) -> None:
    status, _ = await api.post(api.functions.guests.leave, {}, guest="bob")
    assert 404 == status


@pytest.mark.parametrize("room", [0, 100, "7", None, 7.5])
async def test_a_body_that_describes_no_arrival_is_refused(api: Api, room: Any) -> None:
    status, _ = await arrive(api, "ada", room)
    assert 400 == status


def _version(answered: tuple[int, Any]) -> tuple[int, Any]:
    status, body = answered
    return status, body["version"]
