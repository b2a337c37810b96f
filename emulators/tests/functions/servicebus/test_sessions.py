"""Sessions against a real broker: one call at a time and in order, whoever holds them and whatever happens to them."""

import asyncio
import random
import threading
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from emulators.functions.servicebus.options import ServiceBusOptions
from emulators.servicebus.server import ServiceBusServer
from emulators.tests.functions.apps import eventually
from emulators.tests.functions.servicebus.behaviours import Gate, Renewals, break_connections, failing
from emulators.tests.functions.servicebus.sending import message
from emulators.tests.functions.servicebus.world import QUICK, Host, Recorder, Seen, World, namespace, running_world

pytestmark = pytest.mark.usefixtures("engine")


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with running_world() as made:
        yield made


def app(recorder: Recorder, **trigger: Any) -> Any:
    return recorder.app("sessions", is_sessions_enabled=True, **trigger)


async def send_rounds(world: World, sessions: int, rounds: int) -> dict[str, list[str]]:
    """So many messages in each of so many sessions, interleaved; the bodies of each session in their order."""
    expected: dict[str, list[str]] = defaultdict(list)
    messages = []
    for number in range(rounds):
        for session in (f"S{each}" for each in range(sessions)):
            expected[session].append(f"{number}")
            messages.append(message(f"{number}", session=session))
    await world.send("sessions", *messages)
    return expected


class Overlaps:
    """Notes when two calls of one session run at the same time."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self._running: set[str | None] = set()
        self._lock = threading.Lock()

    def __call__(self, seen: Seen) -> None:
        with self._lock:
            if seen.session in self._running:
                self.found.append(str(seen.session))
            self._running.add(seen.session)
        threading.Event().wait(random.uniform(0, 0.002))
        with self._lock:
            self._running.discard(seen.session)


def in_order(recorder: Recorder, expected: dict[str, list[str]]) -> bool:
    """Whether each session came in its order; what came more than once counts where it came first."""
    return all(list(dict.fromkeys(recorder.of(session))) == bodies for session, bodies in expected.items())


class TestOrder:
    @pytest.mark.verified("docs", feature="Service Bus trigger: sessions in order, one call at a time")
    async def test_sessions_run_side_by_side_and_each_in_its_order(self, world: World) -> None:
        overlaps = Overlaps()
        recorder = Recorder(behave=overlaps)
        expected = await send_rounds(world, sessions=20, rounds=10)
        async with world.listening(app(recorder)):
            await eventually(lambda: world.counts("sessions")["active"] == 0, "all are completed")
        assert ([], 200) == (overlaps.found, len(recorder.seen))
        assert expected == {session: recorder.of(session) for session in expected}
        assert 1 < recorder.most <= 8

    @pytest.mark.verified("docs", feature="Service Bus trigger: several hosts")
    async def test_hosts_share_sessions_and_no_session_runs_on_two_at_a_time(self, world: World) -> None:
        overlaps = Overlaps()
        recorder = Recorder(behave=overlaps)
        async with world.listening(app(recorder, host=1), app(recorder, host=2)):
            expected = await send_rounds(world, sessions=40, rounds=10)
            await eventually(lambda: world.counts("sessions")["active"] == 0, "all are completed")
        assert ([], 400) == (overlaps.found, len(recorder.seen))
        assert expected == {session: recorder.of(session) for session in expected}
        assert {1, 2} == {seen.host for seen in recorder.seen}

    @pytest.mark.verified("docs", feature="Service Bus trigger: a failed message stays the first of its session")
    async def test_a_failed_message_comes_again_before_the_ones_behind_it(self, world: World) -> None:
        recorder = Recorder(behave=failing("2", times=2))
        await world.send("sessions", *(message(str(number), session="S") for number in range(1, 5)))
        async with world.listening(app(recorder)):
            await eventually(lambda: world.counts("sessions")["active"] == 0, "all are completed")
        assert ["1", "2", "2", "2", "3", "4"] == recorder.bodies

    @pytest.mark.verified("docs", feature="Service Bus trigger: a dead letter leaves a gap in its session")
    async def test_a_session_goes_on_behind_a_dead_letter(self, world: World) -> None:
        recorder = Recorder(behave=failing("1"))
        await world.send("sessions", message("1", session="S"), message("2", session="S"))
        async with world.listening(app(recorder)):
            await eventually(lambda: world.counts("sessions")["active"] == 0, "the session is empty")
        assert ["1", "1", "1", "2"] == recorder.bodies
        assert 1 == world.counts("sessions/$DeadLetterQueue")["active"]

    @pytest.mark.verified("docs", feature="Service Bus trigger: maxConcurrentCallsPerSession")
    async def test_several_calls_per_session_give_its_order_up(self, world: World) -> None:
        gate = Gate()
        recorder = Recorder(behave=gate)
        await world.send("sessions", *(message(str(number), session="S") for number in range(5)))
        async with world.listening(app(recorder), options=replace(QUICK, max_calls_per_session=3)):
            await eventually(lambda: recorder.running == 3, "three calls run")
            gate.open()
            await eventually(lambda: world.counts("sessions")["active"] == 0, "all are completed")
        assert 3 == recorder.most


class TestHolding:
    @pytest.mark.verified("docs", feature="Service Bus trigger: maxConcurrentSessions and sessionIdleTimeout")
    async def test_a_session_is_held_until_it_was_idle_and_then_the_next_one_is_taken(self, world: World) -> None:
        recorder = Recorder()
        options = replace(QUICK, max_concurrent_sessions=1, session_idle_timeout=0.3)
        await world.send("sessions", message("1", session="A"), message("2", session="B"))
        async with world.listening(app(recorder), options=options):
            await eventually(lambda: len(recorder.seen) == 1, "the first session is taken")
            await world.send("sessions", message("3", session="A"))
            await eventually(lambda: len(recorder.seen) == 3, "the second session follows")
        # B had waited for longer, but A was held.
        assert ["1", "3", "2"] == recorder.bodies

    @pytest.mark.verified("docs", feature="--hurry")
    async def test_hurry_divides_the_idle_time(self, world: World) -> None:
        recorder = Recorder()
        options = replace(QUICK, max_concurrent_sessions=1, session_idle_timeout=60.0)
        await world.send("sessions", *(message(session, session=session) for session in "ABCDE"))
        async with world.listening(app(recorder), options=options, hurry=1000):
            await eventually(lambda: len(recorder.seen) == 5, "all sessions are taken")

    @pytest.mark.verified("docs", feature="Service Bus trigger: maxConcurrentSessions and sessionIdleTimeout")
    async def test_no_more_sessions_than_allowed_are_held(self, world: World) -> None:
        gate = Gate()
        recorder = Recorder(behave=gate)
        await send_rounds(world, sessions=6, rounds=1)
        async with world.listening(app(recorder), options=replace(QUICK, max_concurrent_sessions=3)):
            await eventually(lambda: recorder.running == 3, "three sessions are held")
            gate.open()
            await eventually(lambda: len(recorder.seen) == 6, "the others follow")
        assert 3 == recorder.most

    @pytest.mark.verified("docs", feature="Service Bus trigger: many short sessions")
    async def test_thousands_of_sessions_of_one_message_are_handled(self, world: World) -> None:
        recorder = Recorder()
        expected = await send_rounds(world, sessions=2000, rounds=1)
        options = replace(QUICK, max_concurrent_sessions=64, session_idle_timeout=0.02)
        async with world.listening(app(recorder), app(recorder, host=2), options=options):
            await eventually(lambda: world.counts("sessions")["active"] == 0, "all are completed", 30)
        assert sorted(expected) == sorted(str(seen.session) for seen in recorder.seen)

    @pytest.mark.verified("docs", feature="Service Bus trigger: stop while running")
    async def test_a_stop_lets_running_calls_end_and_frees_every_session_at_once(self, world: World) -> None:
        gate = Gate()
        recorder, other = Recorder(behave=gate), Recorder()
        expected = await send_rounds(world, sessions=4, rounds=3)
        patient = replace(QUICK, session_idle_timeout=60.0)
        async with world.listening(app(recorder), options=patient) as (host,):
            await eventually(lambda: recorder.running == 4, "four sessions are held")
            stopping = asyncio.create_task(host.stop())
            await asyncio.sleep(0)
            gate.open()
            await stopping
        assert 4 == len(recorder.seen)
        async with world.listening(app(other), options=patient):
            await eventually(lambda: world.counts("sessions")["active"] == 0, "another host has them")
        assert {1} == {seen.message.delivery_count for seen in other.seen}
        assert {session: bodies[1:] for session, bodies in expected.items()} == {
            session: other.of(session) for session in expected
        }


class TestLocks:
    @pytest.mark.verified("docs", feature="Service Bus trigger: locks are renewed while a function runs")
    async def test_a_session_stays_locked_for_longer_than_its_lock(self, monkeypatch: pytest.MonkeyPatch) -> None:
        renewals = Renewals(monkeypatch, "renew_session_lock")
        gate = Gate("1")
        recorder = Recorder(behave=gate)
        # Locks of 250 ms.
        async with ServiceBusServer.start(namespace(), hurry=20) as server:
            world = World(server.port, server)
            await world.send("sessions", message("1", session="S"), message("2", session="S"))
            async with world.listening(app(recorder), app(recorder, host=2)):
                await eventually(lambda: renewals.count >= 4, "the lock is renewed for twice its length")
                gate.open()
                await eventually(lambda: world.counts("sessions")["active"] == 0, "both are completed")
        assert ["1", "2"] == recorder.bodies

    @pytest.mark.verified("docs", feature="Service Bus trigger: a lost session lock")
    async def test_a_lock_that_ends_under_a_slow_function_lets_another_host_go_on(self, world: World) -> None:
        assert world.server is not None
        gate = Gate("1")
        slow, fast = Recorder(behave=gate), Recorder()
        unrenewed = replace(QUICK, max_lock_renewal=0.0, max_concurrent_sessions=1)
        await world.send("sessions", message("1", session="S"), message("2", session="S"))
        async with world.listening(app(slow), options=unrenewed):
            await eventually(gate.entered.is_set, "it runs")
            async with world.listening(app(fast, host=2), options=unrenewed):
                world.server.advance(6)
                await eventually(lambda: fast.of("S") == ["1", "2"], "another host has the session")
                gate.open()
                await eventually(lambda: "its lock was lost" in world.screen.text, "the first completion fails")
        assert (["1"], 0) == (slow.bodies, world.counts("sessions")["active"])
        assert [2, 1] == [seen.message.delivery_count for seen in fast.seen]

    @pytest.mark.verified("docs", feature="Service Bus trigger: a host that dies")
    async def test_the_sessions_of_a_host_that_dies_go_to_another_one_in_order(self, world: World) -> None:
        gate = Gate()
        dying, other = Recorder(behave=gate), Recorder()
        expected = await send_rounds(world, sessions=4, rounds=4)
        async with world.listening(app(dying)) as (host,):
            await eventually(lambda: dying.running == 4, "it holds four sessions")
            await kill(host)
            async with world.listening(app(other, host=2)):
                await eventually(lambda: world.counts("sessions")["active"] == 0, "the other one has them all")
            gate.open()
        assert expected == {session: other.of(session) for session in expected}

    @pytest.mark.verified("docs", feature="Service Bus trigger: a host that hangs")
    async def test_the_sessions_of_a_host_that_hangs_go_to_another_one_when_their_locks_end(self, world: World) -> None:
        assert world.server is not None
        gate = Gate()
        hanging, other = Recorder(behave=gate), Recorder()
        unrenewed = replace(QUICK, max_lock_renewal=0.0)
        expected = await send_rounds(world, sessions=4, rounds=4)
        async with world.listening(app(hanging), options=replace(unrenewed, max_concurrent_sessions=4)) as (host,):
            await eventually(lambda: hanging.running == 4, "it holds four sessions")
            await hang(host)
            async with world.listening(app(other, host=2), options=unrenewed):
                world.server.advance(6)
                await eventually(lambda: world.counts("sessions")["active"] == 0, "the other one has them all")
            gate.open()
        assert expected == {session: other.of(session) for session in expected}

    @pytest.mark.verified("docs", feature="Service Bus trigger: a broker that is away is waited for")
    async def test_a_network_that_breaks_again_and_again_loses_nothing_and_keeps_the_order(self, world: World) -> None:
        recorder = Recorder()
        expected = await send_rounds(world, sessions=10, rounds=20)
        async with world.listening(app(recorder), app(recorder, host=2)):
            for breaks in range(1, 5):
                await eventually(partial(has_seen, recorder, 40 * breaks), "it goes on")
                await break_connections(world)
            await eventually(lambda: world.counts("sessions")["active"] == 0, "all are completed")
        assert in_order(recorder, expected)


def has_seen(recorder: Recorder, count: int) -> bool:
    return len(recorder.seen) >= count


async def kill(host: Host) -> None:
    """Cut the host off for good: nothing of what it does reaches the broker any more."""
    for acceptor in host.listener._processor._acceptors:  # type: ignore[attr-defined]
        acceptor.cancel()
    wire = await host.clients.of(host.options.namespace)._wire()
    wire.connection.abort()
    await asyncio.sleep(0)


async def hang(host: Host) -> None:
    """Leave the host connected, and let it ask for no further session."""
    for acceptor in host.listener._processor._acceptors:  # type: ignore[attr-defined]
        acceptor.cancel()
    await asyncio.sleep(0)


@pytest.mark.verified("docs", feature="Service Bus trigger: functions share a connection and stay cheap")
async def test_idle_hosts_cost_next_to_nothing(world: World) -> None:
    recorder = Recorder()
    options = ServiceBusOptions(max_concurrent_sessions=64, session_idle_timeout=1.0)
    async with world.listening(app(recorder), app(recorder), app(recorder), options=options):
        await world.send("sessions", message("1", session="S"))
        await eventually(lambda: recorder.seen, "it works")
        began = time.process_time()
        await asyncio.sleep(0.5)
        assert time.process_time() - began < 0.2
