"""Load, decide, append: every answer right under retries, stale caches, lost answers and lagging replicas."""

import asyncio
from datetime import timedelta

import pytest

from engine.commands import handler, stream_queues
from engine.commands.errors import CommandIdReused, PreconditionFailed, TooBusy
from engine.commands.stream_queues import MAX_WAITING
from engine.errors import OutcomeUnknown
from engine.testing.times import NOON
from tests.engine.commands.desk import (
    DISMISS,
    GUEST_STREAM,
    HOUSE_STREAM,
    INVITE,
    SEE_OFF,
    WELCOME,
    Desk,
    guest_at,
    house_at,
)
from tests.engine.commands.hostile_store import HostileStore
from tests.engine.toy.guest import GuestHasLeft, GuestHasNotArrived, GuestNotFound

INVITED = guest_at(1, "GuestInvited")


async def versions(store: HostileStore, stream_id: str = GUEST_STREAM) -> list[tuple[int, str]]:
    return [(event.version, event.type) for event in await store.memory.read(stream_id)]


class TestRoundTrips:
    async def test_a_cold_command_reads_and_appends(self, desk: Desk, store: HostileStore) -> None:
        assert INVITED == await desk.guest(INVITE, "k-1")
        assert ["read", "append"] == store.calls

    async def test_a_warm_command_appends(self, desk: Desk, store: HostileStore) -> None:
        await desk.guest(INVITE, "k-1")
        store.calls.clear()
        assert guest_at(2, "GuestArrived") == await desk.guest(WELCOME, "k-2")
        assert ["append"] == store.calls

    async def test_a_command_that_starts_its_stream_appends(self, desk: Desk, store: HostileStore) -> None:
        answer = await desk.guest(INVITE, "k-1", probably_new=True)
        assert (INVITED, ["append"]) == (answer, store.calls)

    async def test_a_warm_refusal_looks_up_and_confirms_the_head(self, desk: Desk, store: HostileStore) -> None:
        await desk.guest(INVITE, "k-1")
        store.calls.clear()
        with pytest.raises(GuestHasNotArrived):
            await desk.guest(SEE_OFF, "k-2")
        assert ["look_up", "is_head"] == store.calls

    async def test_a_cold_refusal_reads_and_confirms_the_head(self, desk: Desk, store: HostileStore) -> None:
        with pytest.raises(GuestNotFound):
            await desk.guest(DISMISS, "k-1")
        assert ["read", "is_head"] == store.calls

    async def test_a_conflict_costs_one_look_up(self, desk: Desk, other: Desk, store: HostileStore) -> None:
        await desk.guest(INVITE, "k-1")
        await other.guest(WELCOME, "k-2")
        store.calls.clear()
        assert guest_at(3, "GuestDismissed") == await desk.guest(DISMISS, "k-3")
        assert ["append", "look_up", "append"] == store.calls


class TestSentAgain:
    async def test_the_same_command_gets_its_first_answer_whatever_happened_since(
        self, desk: Desk, other: Desk, store: HostileStore
    ) -> None:
        first = await desk.guest(INVITE, "k-1")
        await desk.guest(WELCOME, "k-2")
        await desk.guest(SEE_OFF, "k-3")
        for process in (desk, other, Desk(store)):
            assert first == await process.guest(INVITE, "k-1")
        assert [(1, "GuestInvited"), (2, "GuestArrived"), (3, "GuestLeft")] == await versions(store)

    async def test_a_command_that_would_now_be_satisfied_still_gets_its_first_answer(self, desk: Desk) -> None:
        await desk.guest(INVITE, "k-1")
        first = await desk.guest(DISMISS, "k-2")
        assert guest_at(2, "GuestDismissed") == first
        assert first == await desk.guest(DISMISS, "k-2")

    async def test_a_command_that_a_stale_cache_would_repeat_takes_effect_once(
        self, desk: Desk, other: Desk, store: HostileStore
    ) -> None:
        await desk.add_beds(5, "k-1")
        await other.add_beds(7, "k-2")
        assert house_at(2) == await desk.add_beds(7, "k-2")
        assert 2 == len(await versions(store, HOUSE_STREAM))

    async def test_its_precondition_is_not_asked_again(self, desk: Desk) -> None:
        await desk.guest(INVITE, "k-1")
        first = await desk.guest(DISMISS, "k-2", if_match=1)
        assert first == await desk.guest(DISMISS, "k-2", if_match=1)

    async def test_a_key_is_not_used_for_another_request(self, desk: Desk, other: Desk) -> None:
        await desk.guest(INVITE, "k-1")
        for process in (desk, other):
            with pytest.raises(CommandIdReused):
                await process.guest(INVITE, "k-1", fingerprint="another")

    async def test_a_refusal_is_decided_afresh(self, desk: Desk) -> None:
        await desk.guest(INVITE, "k-1")
        with pytest.raises(GuestHasNotArrived):
            await desk.guest(SEE_OFF, "k-2")
        await desk.guest(WELCOME, "k-3")
        assert guest_at(3, "GuestLeft") == await desk.guest(SEE_OFF, "k-2")


class TestStaleCaches:
    async def test_a_refusal_is_not_given_from_memory(self, desk: Desk, other: Desk) -> None:
        await desk.guest(INVITE, "k-1")
        await other.guest(WELCOME, "k-2")
        assert guest_at(3, "GuestLeft") == await desk.guest(SEE_OFF, "k-3")

    async def test_a_no_op_is_not_given_from_memory(self, desk: Desk, other: Desk) -> None:
        await desk.guest(INVITE, "k-1")
        await desk.guest(WELCOME, "k-2")
        await other.guest(SEE_OFF, "k-3")
        assert guest_at(3, "GuestLeft") == await desk.guest(WELCOME, "k-4")

    async def test_a_conflict_can_turn_into_a_refusal(self, desk: Desk, other: Desk) -> None:
        await desk.guest(INVITE, "k-1")
        await desk.guest(WELCOME, "k-2")
        await other.guest(SEE_OFF, "k-3")
        with pytest.raises(GuestHasLeft):
            await desk.guest(DISMISS, "k-4")

    async def test_a_precondition_is_held_against_the_head_not_the_cache(self, desk: Desk, other: Desk) -> None:
        await desk.guest(INVITE, "k-1")
        await other.guest(WELCOME, "k-2")
        with pytest.raises(PreconditionFailed, match="at version 2"):
            await desk.guest(DISMISS, "k-3", if_match=1)
        assert guest_at(3, "GuestDismissed") == await desk.guest(DISMISS, "k-4", if_match=2)


class TestLaggingReplicas:
    async def test_a_stream_that_the_replica_does_not_show_yet_is_not_unknown(
        self, desk: Desk, other: Desk, store: HostileStore
    ) -> None:
        await desk.guest(INVITE, "k-1")
        store.hidden = 1
        assert guest_at(2, "GuestDismissed") == await other.guest(DISMISS, "k-2")

    async def test_a_command_that_the_replica_does_not_show_yet_is_found(
        self, desk: Desk, other: Desk, store: HostileStore
    ) -> None:
        await other.guest(INVITE, "k-1")
        first = await desk.guest(DISMISS, "k-2")
        store.hidden = 1
        assert first == await other.guest(DISMISS, "k-2")

    async def test_after_a_conflict_that_it_cannot_see_it_asks_again(
        self, desk: Desk, other: Desk, store: HostileStore
    ) -> None:
        await desk.guest(INVITE, "k-1")
        await other.guest(WELCOME, "k-2")

        store.hidden_after_append = 1
        assert guest_at(3, "GuestDismissed") == await desk.guest(DISMISS, "k-3")


class TestLostAnswers:
    async def test_an_unknown_outcome_is_said_and_the_same_command_finds_it(
        self, desk: Desk, other: Desk, store: HostileStore
    ) -> None:
        await desk.guest(INVITE, "k-1")
        store.lose_next_answer = True
        with pytest.raises(OutcomeUnknown):
            await desk.guest(DISMISS, "k-2")
        for process in (desk, other):
            assert guest_at(2, "GuestDismissed") == await process.guest(DISMISS, "k-2")
        assert 2 == len(await versions(store))

    async def test_other_commands_in_between_do_not_hide_it(self, desk: Desk, other: Desk, store: HostileStore) -> None:
        store.lose_next_answer = True
        with pytest.raises(OutcomeUnknown):
            await desk.guest(INVITE, "k-1")
        await other.guest(WELCOME, "k-2")
        await other.guest(SEE_OFF, "k-3")
        assert INVITED == await desk.guest(INVITE, "k-1")


class TestLostHistory:
    """The store was restored to an earlier moment under a warm process."""

    async def test_a_shorter_stream_is_folded_anew(self, desk: Desk, store: HostileStore) -> None:
        await desk.guest(INVITE, "k-1")
        await desk.guest(WELCOME, "k-2")
        await desk.guest(SEE_OFF, "k-3")
        store.memory.lose(GUEST_STREAM, after=1)
        assert guest_at(2, "GuestDismissed") == await desk.guest(DISMISS, "k-4")

    async def test_a_refusal_is_not_given_from_a_lost_history(self, desk: Desk, store: HostileStore) -> None:
        await desk.guest(INVITE, "k-1")
        await desk.guest(DISMISS, "k-2")
        store.memory.lose(GUEST_STREAM, after=1)
        assert guest_at(2, "GuestArrived") == await desk.guest(WELCOME, "k-3")

    async def test_events_that_follow_another_history_stand_and_are_answered(
        self, desk: Desk, other: Desk, store: HostileStore, caplog: pytest.LogCaptureFixture
    ) -> None:
        await desk.guest(INVITE, "k-1")
        await desk.guest(WELCOME, "k-2")
        store.memory.lose(GUEST_STREAM, after=1)
        await other.guest(WELCOME, "k-3")
        assert guest_at(3, "GuestLeft") == await desk.guest(SEE_OFF, "k-4")
        assert "another history" in caplog.text
        store.calls.clear()
        await desk.guest(WELCOME, "k-5")
        assert "read" == store.calls[0]


class TestManyAtOnce:
    async def test_32_commands_on_one_stream_of_one_process_take_one_transaction(
        self, desk: Desk, store: HostileStore
    ) -> None:
        await asyncio.gather(*(desk.add_beds(1, f"k-{n}") for n in range(32)))
        assert list(range(1, 33)) == [version for version, _ in await versions(store, HOUSE_STREAM)]
        assert ["newest", "append"] == store.calls

    async def test_writers_of_two_processes_both_get_through(
        self, desk: Desk, other: Desk, store: HostileStore
    ) -> None:
        await asyncio.gather(
            *(process.add_beds(1, f"{n}-{id(process)}") for n in range(20) for process in (desk, other))
        )
        assert list(range(1, 41)) == [version for version, _ in await versions(store, HOUSE_STREAM)]

    async def test_a_command_that_always_comes_second_is_turned_away_in_the_end(
        self, desk: Desk, other: Desk, store: HostileStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def go_first() -> None:
            await other.add_beds(1, f"other-{len(store.calls)}")
            store.before_append = go_first

        store.before_append = go_first
        other.store = HostileStore()
        other.store.memory = store.memory
        other.__post_init__()
        monkeypatch.setattr(handler, "TURN_LIFETIME", 0.2)
        with pytest.raises(TooBusy):
            await desk.add_beds(1, "k-1")
        assert 2 < len(await versions(store, HOUSE_STREAM))

    async def test_a_stream_takes_a_limited_number_of_waiting_commands(self, desk: Desk, store: HostileStore) -> None:
        reached, go_on = asyncio.Event(), asyncio.Event()

        async def stand_still() -> None:
            reached.set()
            await go_on.wait()

        store.before_append = stand_still
        first = asyncio.create_task(desk.add_beds(1, "k-0"))
        await reached.wait()
        waiting = [asyncio.create_task(desk.add_beds(1, f"k-{n}")) for n in range(1, MAX_WAITING + 1)]
        await asyncio.sleep(0)
        with pytest.raises(TooBusy):
            await desk.add_beds(1, "one too many")
        waiting[0].cancel()
        await asyncio.gather(waiting[0], return_exceptions=True)
        waiting.append(asyncio.create_task(desk.add_beds(1, "a place is free")))
        go_on.set()
        await asyncio.gather(first, *waiting[1:])
        assert MAX_WAITING + 1 == len(await versions(store, HOUSE_STREAM))

    async def test_no_command_waits_for_longer_than_its_own_bound(
        self, desk: Desk, store: HostileStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(stream_queues, "LONGEST_WAIT", 0.05)
        reached, go_on = asyncio.Event(), asyncio.Event()

        async def stand_still() -> None:
            reached.set()
            await go_on.wait()

        store.before_append = stand_still
        first = asyncio.create_task(desk.add_beds(1, "k-0"))
        await reached.wait()
        waiting = (desk.add_beds(1, f"k-{n}") for n in range(1, MAX_WAITING))
        answers = await asyncio.gather(*waiting, return_exceptions=True)
        assert [TooBusy] * (MAX_WAITING - 1) == [type(answer) for answer in answers]
        go_on.set()
        await first
        assert house_at(2) == await desk.add_beds(1, "the stream is free")

    async def test_another_stream_does_not_wait(self, desk: Desk, store: HostileStore) -> None:
        reached, go_on = asyncio.Event(), asyncio.Event()

        async def stand_still() -> None:
            reached.set()
            await go_on.wait()

        store.before_append = stand_still
        held = asyncio.create_task(desk.add_beds(1, "k-1"))
        await reached.wait()
        assert INVITED == await desk.guest(INVITE, "k-2")
        go_on.set()
        await held


async def test_an_event_never_occurs_before_the_one_it_follows(desk: Desk, store: HostileStore) -> None:
    await desk.guest(INVITE, "k-1")
    desk.now = NOON - timedelta(hours=1)
    await desk.guest(WELCOME, "k-2")
    desk.now = NOON + timedelta(hours=1)
    await desk.guest(SEE_OFF, "k-3")
    times = [event.metadata.occurred_at for event in await store.memory.read(GUEST_STREAM)]
    assert [NOON, NOON, NOON + timedelta(hours=1)] == times
