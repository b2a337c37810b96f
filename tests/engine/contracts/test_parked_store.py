"""What every store of parked messages promises."""

import asyncio
import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

import engine.storing.cosmos_requests
from engine.consuming.parked import cosmos, memory
from engine.consuming.parked.port import Failure, ParkedAlone, ParkedSession, ParkedStore, TooManyParked
from engine.errors import AccessRefused
from engine.messaging.port import Received
from engine.testing.times import NOON
from tests.engine.contracts.conftest import Adapters

FAILURE = Failure("ValueError: ü", "Traceback …\n  line\u2028", 5, NOON)
MOST_LOOKS = 200


@pytest.fixture
def consumer() -> str:
    return f"toy-{uuid.uuid4()}"


def message(number: int, session: str | None = "guest-1", text: bytes = b"\x00\xff{}") -> Received:
    return Received(f"id-{number}", session, number, text, {"traceparent": "00-…", "schema": 1})


async def waiting(store: ParkedStore, consumer: str, *numbers: int, session: str = "guest-1") -> list[Received]:
    """What waits, which must be `numbers`. The replica that is asked may lag, and catches up."""
    found: list[Received] = []
    for _ in range(MOST_LOOKS):
        found = list(await store.waiting(consumer, session, 100))
        if [each.sequence_number for each in found] == list(numbers):
            break
    assert list(numbers) == [each.sequence_number for each in found]
    counted = await store.session(consumer, session)
    assert len(numbers) == (0 if counted is None else counted.waiting)
    return found


async def alone(store: ParkedStore, consumer: str, expected: int) -> Sequence[ParkedAlone]:
    found: Sequence[ParkedAlone] = []
    count = 0
    for _ in range(MOST_LOOKS):
        found, count = await store.alone(consumer), await store.count_alone(consumer)
        if len(found) == count == expected:
            break
    assert (expected, expected) == (len(found), count)
    return found


async def known(store: ParkedStore, consumer: str, vocabulary: int, expected: int) -> set[str]:
    found: Sequence[str] = []
    for _ in range(MOST_LOOKS):
        found = await store.known(consumer, vocabulary, 100)
        if len(found) == expected:
            break
    return set(found)


class TestParking:
    async def test_nothing_is_parked_at_first(self, adapters: Adapters, consumer: str) -> None:
        assert frozenset() == await adapters.parked.sessions(consumer)
        assert await adapters.parked.session(consumer, "guest-1") is None
        assert [] == list(await adapters.parked.waiting(consumer, "guest-1", 10))
        assert not await adapters.parked.add(consumer, message(1))

    async def test_everybody_knows_of_a_parked_session_at_once(self, adapters: Adapters, consumer: str) -> None:
        await adapters.parked.park(consumer, message(1), FAILURE)
        for store in (adapters.parked, adapters.parked_peer):
            assert frozenset({"guest-1"}) == await store.sessions(consumer)
            assert ParkedSession("guest-1", FAILURE, 1) == await store.session(consumer, "guest-1")

    async def test_messages_come_back_whole_and_in_their_order(self, adapters: Adapters, consumer: str) -> None:
        await adapters.parked.park(consumer, message(9), FAILURE)
        for number in (10, 100, 99):
            assert await adapters.parked_peer.add(consumer, message(number))
        expected = [message(number) for number in (9, 10, 99, 100)]
        assert expected == await waiting(adapters.parked, consumer, 9, 10, 99, 100)
        assert expected[:2] == list(await adapters.parked.waiting(consumer, "guest-1", 2))

    async def test_sessions_and_consumers_do_not_know_each_other(self, adapters: Adapters, consumer: str) -> None:
        other = f"{consumer}-too"
        await adapters.parked.park(consumer, message(1, "guest-1"), FAILURE)
        await adapters.parked.park(consumer, message(1, "guest-11"), FAILURE)
        await adapters.parked.park(other, message(1, "guest-2"), FAILURE)
        assert frozenset({"guest-1", "guest-11"}) == await adapters.parked.sessions(consumer)
        assert frozenset({"guest-2"}) == await adapters.parked.sessions(other)
        assert [message(1, "guest-1")] == await waiting(adapters.parked, consumer, 1, session="guest-1")
        assert [message(1, "guest-11")] == await waiting(adapters.parked, consumer, 1, session="guest-11")

    async def test_a_message_that_waits_already_counts_once(self, adapters: Adapters, consumer: str) -> None:
        await adapters.parked.park(consumer, message(1), FAILURE)
        await adapters.parked.park(consumer, message(1), replace(FAILURE, attempts=6))
        for store in (adapters.parked, adapters.parked_peer):
            assert await store.add(consumer, message(1))
            assert await store.add(consumer, message(2))
        await waiting(adapters.parked, consumer, 1, 2)

    async def test_the_first_failure_stays_until_a_release_fails(self, adapters: Adapters, consumer: str) -> None:
        await adapters.parked.park(consumer, message(1), FAILURE)
        await adapters.parked.park(consumer, message(2), replace(FAILURE, error="another"))
        assert ParkedSession("guest-1", FAILURE, 2) == await adapters.parked.session(consumer, "guest-1")
        again = Failure("KeyError: no", "trace", 6, NOON + timedelta(hours=1))
        await adapters.parked_peer.failed_again(consumer, "guest-1", again)
        assert ParkedSession("guest-1", again, 2) == await adapters.parked.session(consumer, "guest-1")

    async def test_what_waits_for_a_newer_build_is_known_by_its_vocabulary(
        self, adapters: Adapters, consumer: str
    ) -> None:
        await adapters.parked.park(consumer, message(1, "guest-1"), replace(FAILURE, newer=4))
        await adapters.parked.park(consumer, message(1, "guest-2"), replace(FAILURE, newer=5))
        await adapters.parked.park(consumer, message(1, "guest-3"), FAILURE)
        await adapters.parked.park_alone(consumer, message(2, None), replace(FAILURE, newer=4))
        for vocabulary, expected in ((3, set()), (4, {"guest-1"}), (5, {"guest-1", "guest-2"})):
            assert expected == await known(adapters.parked_peer, consumer, vocabulary, len(expected))
        assert 1 == len(await adapters.parked.known(consumer, 5, 1))
        (parked,) = await alone(adapters.parked_peer, consumer, 1)
        assert 4 == parked.failure.newer
        await adapters.parked.failed_again(consumer, "guest-1", FAILURE)
        assert {"guest-2"} == await known(adapters.parked, consumer, 5, 1)

    async def test_a_failure_of_a_session_that_is_free_by_now_is_nobodys(
        self, adapters: Adapters, consumer: str
    ) -> None:
        await adapters.parked.failed_again(consumer, "guest-1", FAILURE)
        assert await adapters.parked.session(consumer, "guest-1") is None

    async def test_another_message_under_the_same_number_never_takes_the_place_of_the_first(
        self, adapters: Adapters, consumer: str
    ) -> None:
        await adapters.parked.park(consumer, message(1), FAILURE)
        other = replace(message(1), message_id="another")
        with pytest.raises(AccessRefused, match="another message under number 1 of session guest-1"):
            await adapters.parked.add(consumer, other)
        with pytest.raises(AccessRefused, match="another message"):
            await adapters.parked.park(consumer, other, FAILURE)
        assert [message(1)] == await waiting(adapters.parked, consumer, 1)

    async def test_there_is_a_most_and_what_is_parked_already_goes_on_waiting(
        self, adapters: Adapters, consumer: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for module in (cosmos, memory):
            monkeypatch.setattr(module, "MAX_SESSIONS", 2)
        for session in ("guest-1", "guest-2"):
            await adapters.parked.park(consumer, message(1, session), FAILURE)
        with pytest.raises(TooManyParked):
            await adapters.parked.park(consumer, message(1, "guest-3"), FAILURE)
        await adapters.parked.park(consumer, message(2, "guest-2"), FAILURE)
        assert frozenset({"guest-1", "guest-2"}) == await adapters.parked.sessions(consumer)
        await waiting(adapters.parked, consumer, 1, 2, session="guest-2")

    async def test_a_large_message_is_parked_too(self, adapters: Adapters, consumer: str) -> None:
        large = message(1, text=b"x" * 262_144)
        await adapters.parked.park(consumer, large, FAILURE)
        assert [large] == await waiting(adapters.parked, consumer, 1)


class TestFreeing:
    async def test_a_session_is_free_once_nothing_waits(self, adapters: Adapters, consumer: str) -> None:
        await adapters.parked.park(consumer, message(1), FAILURE)
        assert not await adapters.parked_peer.free(consumer, "guest-1")
        await adapters.parked.remove(consumer, message(1))
        assert await adapters.parked_peer.free(consumer, "guest-1")
        assert frozenset() == await adapters.parked.sessions(consumer)
        assert await adapters.parked.session(consumer, "guest-1") is None
        assert not await adapters.parked.add(consumer, message(2))

    async def test_all_of_it_may_be_done_again(self, adapters: Adapters, consumer: str) -> None:
        await adapters.parked.park(consumer, message(1), FAILURE)
        assert await adapters.parked.add(consumer, message(2))
        for store in (adapters.parked, adapters.parked_peer):
            await store.remove(consumer, message(1))
        assert [message(2)] == await waiting(adapters.parked, consumer, 2)
        await adapters.parked.remove(consumer, message(2))
        for store in (adapters.parked, adapters.parked_peer):
            assert await store.free(consumer, "guest-1")
        await adapters.parked.remove(consumer, message(2))
        assert frozenset() == await adapters.parked.sessions(consumer)

    async def test_a_message_added_between_the_last_look_and_the_freeing_is_kept(
        self, adapters: Adapters, consumer: str
    ) -> None:
        await adapters.parked.park(consumer, message(1), FAILURE)
        await adapters.parked.remove(consumer, message(1))
        assert await adapters.parked_peer.add(consumer, message(2))
        assert not await adapters.parked.free(consumer, "guest-1")
        assert frozenset({"guest-1"}) == await adapters.parked.sessions(consumer)
        assert [message(2)] == await waiting(adapters.parked, consumer, 2)

    async def test_a_message_added_in_the_middle_of_the_freeing_is_kept(
        self, adapters: Adapters, consumer: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """In memory there is no middle."""
        await adapters.parked.park(consumer, message(1), FAILURE)
        await adapters.parked.remove(consumer, message(1))
        read, late = engine.storing.cosmos_requests.read_primary, [message(2)]

        async def and_then_one_is_added(container: Any, partition: str, item_id: str) -> Any:
            found = await read(container, partition, item_id)
            if item_id == "guest-1" and late:
                assert await adapters.parked_peer.add(consumer, late.pop())
            return found

        monkeypatch.setattr(cosmos, "read_primary", and_then_one_is_added)
        assert await adapters.parked.free(consumer, "guest-1") == bool(late)
        if not late:
            await waiting(adapters.parked, consumer, 2)

    async def test_a_session_parks_again_after_it_was_free(self, adapters: Adapters, consumer: str) -> None:
        await adapters.parked.park(consumer, message(1), FAILURE)
        await adapters.parked.remove(consumer, message(1))
        await adapters.parked.free(consumer, "guest-1")
        await adapters.parked_peer.park(consumer, message(2), replace(FAILURE, error="another"))
        parked = await adapters.parked.session(consumer, "guest-1")
        assert ParkedSession("guest-1", replace(FAILURE, error="another"), 1) == parked


class TestTwoInstancesAtOnce:
    async def test_sessions_that_park_at_once_are_all_in_the_index(self, adapters: Adapters, consumer: str) -> None:
        stores = [adapters.parked, adapters.parked_peer] * 3
        await asyncio.gather(
            *(store.park(consumer, message(1, f"guest-{n}"), FAILURE) for n, store in enumerate(stores))
        )
        assert {f"guest-{n}" for n in range(6)} == await adapters.parked.sessions(consumer)

    async def test_one_session_that_parks_twice_at_once_is_parked_once(self, adapters: Adapters, consumer: str) -> None:
        await asyncio.gather(
            adapters.parked.park(consumer, message(1), FAILURE),
            adapters.parked_peer.park(consumer, message(1), FAILURE),
            adapters.parked_peer.park(consumer, message(2), FAILURE),
        )
        await waiting(adapters.parked, consumer, 1, 2)

    async def test_whatever_is_added_while_a_session_is_freed_waits_or_is_told_that_it_is_free(
        self, adapters: Adapters, consumer: str
    ) -> None:
        """Nobody may be told that a message waits when nobody will ever look for it."""
        for round_ in range(20):
            session = f"guest-{round_}"
            await adapters.parked.park(consumer, message(1, session), FAILURE)

            async def release(session: str = session) -> bool:
                await adapters.parked.remove(consumer, message(1, session))
                return await adapters.parked.free(consumer, session)

            freed, *added = await asyncio.gather(
                release(), *(adapters.parked_peer.add(consumer, message(n, session)) for n in (2, 3))
            )
            kept = [number for number, it_waits in zip((2, 3), added, strict=True) if it_waits]
            assert freed == (not kept)
            assert freed == (session not in await adapters.parked.sessions(consumer))
            await waiting(adapters.parked, consumer, *kept, session=session)

    async def test_two_releases_at_once_count_every_message_once(self, adapters: Adapters, consumer: str) -> None:
        await adapters.parked.park(consumer, message(1), FAILURE)
        for number in (2, 3, 4):
            await adapters.parked.add(consumer, message(number))
        await asyncio.gather(
            *(
                store.remove(consumer, message(number))
                for number in (1, 2, 3)
                for store in (adapters.parked, adapters.parked_peer)
            )
        )
        assert [message(4)] == await waiting(adapters.parked, consumer, 4)
        assert not await adapters.parked.free(consumer, "guest-1")


class TestAlone:
    async def test_one_comes_back_whole_until_it_is_removed(self, adapters: Adapters, consumer: str) -> None:
        await adapters.parked.park_alone(consumer, message(7, None), FAILURE)
        (found,) = await alone(adapters.parked_peer, consumer, 1)
        assert await adapters.parked_peer.session(consumer, found.key) is None
        assert (message(7, None), FAILURE) == (found.message, found.failure)
        assert await adapters.parked.remove_alone(consumer, found.key)
        for store in (adapters.parked, adapters.parked_peer):
            assert not await store.remove_alone(consumer, found.key), "it is told as gone already"
        await alone(adapters.parked, consumer, 0)

    async def test_no_more_are_read_than_are_asked_for(self, adapters: Adapters, consumer: str) -> None:
        for number in range(1, 6):
            await adapters.parked.park_alone(consumer, message(number), FAILURE)
        await alone(adapters.parked, consumer, 5)
        assert 3 == len(await adapters.parked.alone(consumer, 3))

    async def test_it_holds_no_session_also_where_it_came_in_one(self, adapters: Adapters, consumer: str) -> None:
        await adapters.parked.park_alone(consumer, message(7, "guest-1"), FAILURE)
        assert frozenset() == await adapters.parked.sessions(consumer)
        await adapters.parked.park(consumer, message(7, "guest-1"), FAILURE)
        await waiting(adapters.parked, consumer, 7)
        await alone(adapters.parked, consumer, 1)

    async def test_parked_again_it_is_there_once_and_others_under_its_number_too(
        self, adapters: Adapters, consumer: str
    ) -> None:
        """Several entities feed one consumer, each with numbers of its own."""
        other = replace(message(7, None), message_id="ü/\\?#")
        for store in (adapters.parked, adapters.parked_peer):
            for each in (message(7, None), other, message(8, None)):
                await store.park_alone(consumer, each, FAILURE)
        found = await alone(adapters.parked, consumer, 3)
        assert {7: {"id-7", "ü/\\?#"}, 8: {"id-8"}} == {
            number: {each.message.message_id for each in found if each.message.sequence_number == number}
            for number in (7, 8)
        }
        assert 3 == len({each.key for each in found})
