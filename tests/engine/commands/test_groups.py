"""Commands that wait for one stream are carried out together, and answered as if each had been carried out alone."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.commands.handler import CommandResult
from engine.commands.stream_queues import QUEUES_KEPT
from engine.errors import OutcomeUnknown, Unavailable
from engine.storing.errors import AppendTooLarge
from engine.storing.events import StoredEvent
from engine.storing.items import MAX_EVENTS
from engine.storing.port import Appended, Head
from tests.engine.commands.desk import GUEST_STREAM, HOUSE_STREAM, INVITE, Desk, house_at
from tests.engine.commands.hostile_store import HostileStore
from tests.engine.contexts import context
from tests.engine.toy.guest import DismissGuest, SeeOffGuest, WelcomeGuest, Wish
from tests.engine.toy.house import AddBeds, TakeBeds
from tests.engine.toy.registry import GUEST, HOUSE

TOO_LARGE = "x" * 200_001

COMMANDS: Final[Mapping[str, Any]] = {
    "invite": INVITE,
    "welcome": WelcomeGuest(),
    "to the sea": SeeOffGuest("the sea"),
    "to the hill": SeeOffGuest("the hill"),
    "dismiss": DismissGuest("too loud"),
    "dismiss at length": DismissGuest(TOO_LARGE),
    "invite with a wish that is too large": replace(INVITE, wishes=(Wish(TOO_LARGE, 1),)),
    "what raises": "a defect",
}


@dataclass(frozen=True)
class Asked:
    command: str
    key: str
    if_match: int | None = None
    fingerprint: str = "f"
    cancelled: bool = False

    async def of(self, desk: Desk) -> CommandResult:
        asked = context(self.key, self.if_match, self.fingerprint).to(GUEST_STREAM, COMMANDS[self.command])
        return await desk.handler.handle(GUEST, asked)


ASKED = st.builds(
    Asked,
    st.sampled_from([*COMMANDS]),
    st.sampled_from(["k-1", "k-2", "k-3", "k-4", "k-5", "k-6", "k-7"]),
    st.sampled_from([None, None, None, 0, 1, 2, 3]),
    st.sampled_from(["f", "f", "f", "f", "g"]),
    st.sampled_from([False, False, False, False, True]),
)


async def together(desk: Desk, group: Sequence[Asked]) -> list[Any]:
    """The answers to commands that come in one turn of the loop; those that are cancelled have none."""
    tasks = [asyncio.create_task(each.of(desk)) for each in group]
    for task, each in zip(tasks, group, strict=True):
        if each.cancelled:
            asyncio.get_running_loop().call_soon(task.cancel)
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    await desk.handler.idle()
    return [told(answer) for answer, each in zip(answers, group, strict=True) if not each.cancelled]


async def one_by_one(desk: Desk, group: Sequence[Asked]) -> list[Any]:
    answers = []
    for each in group:
        if not each.cancelled:
            try:
                answers.append(told(await each.of(desk)))
            except Exception as error:  # noqa: BLE001 - every error is an answer
                answers.append(told(error))
    return answers


def told(answer: Any) -> Any:
    return answer if isinstance(answer, CommandResult) else (type(answer), str(answer))


def alike(some: Sequence[Any], others: Sequence[Any]) -> bool:
    """A command fails by its own fault on whichever state it is decided first, be that before or after a look-up."""
    own = (AppendTooLarge, AssertionError)
    return all(a == b or a[0] in own or b[0] in own for a, b in zip(some, others, strict=True))


async def stream_of(store: HostileStore) -> list[tuple[str, str]]:
    return [(event.type, event.command_key) for event in await store.memory.read(GUEST_STREAM)]


def desk_after(history: Sequence[Asked]) -> tuple[Desk, HostileStore]:
    async def prepared() -> None:
        await one_by_one(Desk(store), history)

    store = HostileStore()
    asyncio.run(prepared())
    store.calls.clear()
    return Desk(store), store


HISTORIES = st.sampled_from(
    [
        [],
        [Asked("invite", "k-1")],
        [Asked("invite", "k-9"), Asked("welcome", "k-2")],
        [Asked("invite", "k-9"), Asked("welcome", "k-8"), Asked("to the sea", "k-3")],
    ]
)
GROUPS = st.lists(ASKED, min_size=1, max_size=8)
# With each command id once: what happens in between turns, others may see, and those of one turn happen at once.
OF_ONE_TURN = st.lists(ASKED, min_size=1, max_size=7, unique_by=lambda asked: asked.key)
WARMING = [Asked("to the sea", "warm", if_match=99)]


@settings(max_examples=60, deadline=None)
@given(HISTORIES, GROUPS, st.booleans())
def test_a_group_is_answered_as_one_at_a_time(history: list[Asked], group: list[Asked], warm: bool) -> None:
    (desk, store), (other, reference) = desk_after(history), desk_after(history)

    async def both() -> None:
        for each in (desk, other):
            await one_by_one(each, WARMING if warm else [])
        assert alike(await one_by_one(other, group), await together(desk, group))
        assert await stream_of(reference) == await stream_of(store)

    asyncio.run(both())


@settings(max_examples=60, deadline=None)
@given(HISTORIES, OF_ONE_TURN, ASKED, st.booleans())
def test_a_group_that_meets_another_writer_is_answered_as_if_that_had_come_first(
    history: list[Asked], group: list[Asked], rival: Asked, warm: bool
) -> None:
    (desk, store), (other, reference) = desk_after(history), desk_after(history)
    first = [replace(rival, cancelled=False)]

    async def go_first() -> None:
        await one_by_one(Desk(store), first)

    async def both() -> None:
        for each in (desk, other):
            await one_by_one(each, WARMING if warm else [])
        store.before_append = go_first
        answers = await together(desk, group)
        await one_by_one(other, first if store.before_append is None else [])
        assert alike(await one_by_one(other, group), answers)
        assert await stream_of(reference) == await stream_of(store)

    asyncio.run(both())


@settings(max_examples=60, deadline=None)
@given(HISTORIES, OF_ONE_TURN, st.booleans(), st.booleans())
def test_a_group_that_was_left_in_doubt_is_answered_alike_when_it_is_sent_again(
    history: list[Asked], group: list[Asked], warm: bool, committed: bool
) -> None:
    (desk, store), (other, reference) = desk_after(history), desk_after(history)

    async def fail() -> None:
        raise Unavailable("away")

    async def both() -> None:
        for each in (desk, other):
            await one_by_one(each, WARMING if warm else [])
        store.lose_next_answer, store.before_append = committed, None if committed else fail
        await together(desk, group)
        store.lose_next_answer, store.before_append = False, None
        if committed:
            await one_by_one(other, group)
        assert alike(await one_by_one(other, group), await together(desk, group))
        assert await stream_of(reference) == await stream_of(store)

    asyncio.run(both())


async def test_a_lost_answer_is_unknown_to_every_command_of_the_group() -> None:
    store = HostileStore()
    store.lose_next_answer = True
    group = [Asked("invite", "k-1"), Asked("to the sea", "k-2"), Asked("welcome", "k-3")]
    assert [OutcomeUnknown] * 3 == [answer[0] for answer in await together(Desk(store), group)]


async def beds(desk: Desk, count: int, first: int = 0) -> Sequence[CommandResult | BaseException]:
    asked = [desk.add_beds(1, f"k-{number}") for number in range(first, first + count)]
    return await asyncio.gather(*asked, return_exceptions=True)


class TestTransactions:
    async def test_as_many_as_a_transaction_holds(self) -> None:
        store = HostileStore()
        await beds(Desk(store), 100)
        assert [MAX_EVENTS, 1] == [len(commit) for commit in store.memory._commits]
        assert [f"k-{number}/0" for number in range(100)] == [
            event.command_key for event in await store.memory.read(HOUSE_STREAM)
        ]

    async def test_as_many_bytes_as_a_transaction_holds(self) -> None:
        store = HostileStore()
        desk = Desk(store)
        large = [TakeBeds("hill", f"{number}-" + "g" * 120_000, 1) for number in range(30)]
        asked = [context(f"k-{number}").to(HOUSE_STREAM, command) for number, command in enumerate(large)]
        await asyncio.gather(*(desk.handler.handle(HOUSE, each) for each in asked))
        assert 30 == sum(len(commit) for commit in store.memory._commits)
        assert 2 <= len(store.memory._commits) <= 4

    async def test_what_the_store_still_finds_too_large_is_halved(self) -> None:
        class Small(HostileStore):
            async def append(self, stream_id: str, expected: Head, events: Sequence[StoredEvent]) -> Appended:
                if len(events) > 3:
                    raise AppendTooLarge("more than three")
                return await super().append(stream_id, expected, events)

        store = Small()
        answers = await beds(Desk(store), 10)
        assert [house_at(number) for number in range(1, 11)] == answers
        assert max(len(commit) for commit in store.memory._commits) <= 3

    async def test_a_conflict_costs_one_look_up_for_all(self) -> None:
        store = HostileStore()
        desk, other = Desk(store), Desk(store)
        await beds(desk, 1)

        async def go_first() -> None:
            await other.add_beds(1, "rival")

        store.before_append = go_first
        store.calls.clear()
        await beds(desk, 20, first=1)
        ours = [call for call in store.calls if call in ("append", "look_up")]
        assert ["append", "append", "look_up", "append"] == ours, "ours, the rival's, one look-up, ours again"

    async def test_who_wins_after_a_defeat_lets_the_others_go_first(self) -> None:
        store = HostileStore()
        desk, other = Desk(store), Desk(store)
        await beds(desk, 1)
        await beds(desk, 1, first=1)
        assert [] == desk.pauses

        async def go_first() -> None:
            await other.add_beds(1, "rival")

        store.before_append = go_first
        await beds(desk, 1, first=2)
        assert 1 == len(desk.pauses)


async def test_a_history_that_is_lost_while_a_rival_goes_first_is_told(caplog: pytest.LogCaptureFixture) -> None:
    store = HostileStore()
    desk, other = Desk(store), Desk(store)
    await beds(desk, 3)
    later: list[asyncio.Task[CommandResult]] = []

    async def go_first() -> None:
        await other.add_beds(1, "rival")

    async def restored(_: float) -> None:
        if not later:
            later.append(asyncio.create_task(desk.add_beds(1, "later")))
            store.memory.lose(HOUSE_STREAM, after=2)
        await asyncio.sleep(0)

    store.before_append, desk.handler._sleep = go_first, restored
    await beds(desk, 1, first=3)
    await desk.handler.idle()
    assert house_at(3) == await later[0]
    assert "lost events" in caplog.text


class TestCancelled:
    async def test_before_its_events_are_sent_it_takes_the_command_with_it(self) -> None:
        store = HostileStore()
        desk = Desk(store)
        reached, go_on = _standing_still(store)
        first = asyncio.create_task(desk.add_beds(1, "k-0"))
        await reached.wait()
        waiting = [asyncio.create_task(desk.add_beds(1, f"k-{number}")) for number in (1, 2, 3)]
        await asyncio.sleep(0)
        waiting[1].cancel()
        go_on.set()
        await asyncio.gather(first, *waiting, return_exceptions=True)
        keys = [event.command_key for event in await store.memory.read(HOUSE_STREAM)]
        assert ["k-0/0", "k-1/0", "k-3/0"] == keys

    async def test_a_turn_whose_commands_have_all_left_asks_nothing_of_the_store(self) -> None:
        store = HostileStore()
        desk = Desk(store)
        asked = [asyncio.create_task(desk.add_beds(1, f"k-{number}")) for number in (1, 2)]
        for each in asked:
            asyncio.get_running_loop().call_soon(each.cancel)
        await asyncio.gather(*asked, return_exceptions=True)
        await desk.handler.idle()
        assert [] == store.calls

    async def test_later_it_takes_only_its_waiting(self) -> None:
        store = HostileStore()
        desk = Desk(store)
        reached, go_on = _standing_still(store)
        group = [asyncio.create_task(desk.add_beds(1, f"k-{number}")) for number in (1, 2)]
        await reached.wait()
        group[0].cancel()
        go_on.set()
        answers = await asyncio.gather(*group, return_exceptions=True)
        assert isinstance(answers[0], asyncio.CancelledError)
        assert house_at(2) == answers[1]
        assert house_at(1) == await desk.add_beds(1, "k-1")


async def test_queues_that_nobody_waits_in_are_not_kept_for_ever() -> None:
    desk = Desk(HostileStore())
    for number in range(3 * QUEUES_KEPT):
        await desk.handler.handle(HOUSE, context(f"k-{number}").to(f"house-{number}", AddBeds(str(number), 1)))
    assert len(desk.handler._queues._queues) <= 2 * QUEUES_KEPT


def _standing_still(store: HostileStore) -> tuple[asyncio.Event, asyncio.Event]:
    """Two events: the next append has begun, and it may go on."""
    reached, go_on = asyncio.Event(), asyncio.Event()

    async def stand_still() -> None:
        reached.set()
        await go_on.wait()

    store.before_append = stand_still
    return reached, go_on
