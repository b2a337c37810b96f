"""What every store of outcomes promises."""

import asyncio
import uuid

import pytest

from engine.commands.outcomes.port import Done, Outcome, OutcomeStore, Pending, Refused
from engine.commands.refusals import Refusal
from tests.engine.contracts.conftest import Adapters

DONE = Done("f", "guest-1", 3)
REFUSED = Refused("f", Refusal(409, "guest-has-left", "Guest has left", "ü: left at\u2028noon"))
MOST_LOOKS = 200


@pytest.fixture
def command() -> str:
    return str(uuid.uuid4())


async def seen(store: OutcomeStore, command_id: str, expected: Outcome) -> None:
    """`get` may lag behind the newest write, and catches up."""
    found = None
    for _ in range(MOST_LOOKS):
        found = await store.get(command_id)
        if found == expected:
            return
    raise AssertionError(f"{found} stayed, instead of {expected}")


async def test_a_command_that_nobody_accepted_has_none(adapters: Adapters, command: str) -> None:
    assert await adapters.outcomes.get(command) is None


async def test_it_begins_pending(adapters: Adapters, command: str) -> None:
    assert Pending("f") == await adapters.outcomes.begin(command, "f")
    await seen(adapters.outcomes_peer, command, Pending("f"))


async def test_beginning_again_gives_what_is_there_also_of_another_fingerprint(
    adapters: Adapters, command: str
) -> None:
    await adapters.outcomes.begin(command, "f")
    assert Pending("f") == await adapters.outcomes_peer.begin(command, "f")
    assert Pending("f") == await adapters.outcomes_peer.begin(command, "another")
    await adapters.outcomes.finish(command, DONE)
    assert DONE == await adapters.outcomes_peer.begin(command, "another")


@pytest.mark.parametrize("outcome", [DONE, REFUSED])
async def test_what_it_ends_with_comes_back_whole(adapters: Adapters, command: str, outcome: Done | Refused) -> None:
    await adapters.outcomes.begin(command, "f")
    await adapters.outcomes_peer.finish(command, outcome)
    assert outcome == await adapters.outcomes.begin(command, "f")
    await seen(adapters.outcomes, command, outcome)


@pytest.mark.parametrize("outcome", [DONE, REFUSED])
async def test_one_that_was_never_begun_or_is_forgotten_ends_all_the_same(
    adapters: Adapters, command: str, outcome: Done | Refused
) -> None:
    await adapters.outcomes.finish(command, outcome)
    assert outcome == await adapters.outcomes.begin(command, "f")


async def test_the_first_end_stays(adapters: Adapters, command: str) -> None:
    other = Refused("f", Refusal(404, "not-found", "Not found", "no"))
    await adapters.outcomes.finish(command, REFUSED)
    await adapters.outcomes_peer.finish(command, other)
    assert REFUSED == await adapters.outcomes.begin(command, "f")


async def test_what_was_done_takes_the_place_of_a_refusal_and_never_gives_it_back(
    adapters: Adapters, command: str
) -> None:
    await adapters.outcomes.finish(command, REFUSED)
    await adapters.outcomes_peer.finish(command, DONE)
    await adapters.outcomes.finish(command, REFUSED)
    await adapters.outcomes_peer.finish(command, Done("f", "guest-1", 9))
    assert DONE == await adapters.outcomes.begin(command, "f")


async def test_of_all_that_begin_at_once_one_fingerprint_stands(adapters: Adapters, command: str) -> None:
    stores = [adapters.outcomes, adapters.outcomes_peer] * 4
    begun = await asyncio.gather(*(store.begin(command, f"f-{n}") for n, store in enumerate(stores)))
    assert 1 == len(set(begun))


async def test_whoever_ends_it_at_once_what_was_done_stands(adapters: Adapters, command: str) -> None:
    await adapters.outcomes.begin(command, "f")
    ends: list[tuple[OutcomeStore, Done | Refused]] = [(adapters.outcomes, REFUSED), (adapters.outcomes_peer, DONE)] * 2
    await asyncio.gather(*(store.finish(command, outcome) for store, outcome in ends))
    assert DONE == await adapters.outcomes.begin(command, "f")
