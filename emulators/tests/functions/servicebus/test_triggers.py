"""The Service Bus trigger against a real broker: delivery, failures, locks, a broker that comes and goes."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from emulators.servicebus.server import ServiceBusServer
from emulators.tests.functions.apps import eventually
from emulators.tests.functions.servicebus.behaviours import Gate, Renewals, break_connections, dawdle, failing
from emulators.tests.functions.servicebus.sending import message
from emulators.tests.functions.servicebus.world import QUICK, Recorder, World, namespace, running_world

pytestmark = pytest.mark.usefixtures("engine")


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with running_world() as made:
        yield made


class TestDelivery:
    @pytest.mark.verified("docs", feature="Service Bus trigger: queue")
    async def test_a_message_is_handed_on_and_completed(self, world: World) -> None:
        recorder = Recorder()
        await world.send("plain", message("1", subject="Placed", application_properties={"a": 1}))
        async with world.listening(recorder.app()):
            await eventually(lambda: world.counts("plain")["active"] == 0, "it is completed")
        (seen,) = recorder.seen
        assert ("1", "Placed", {"a": 1}, 1) == (
            seen.body,
            seen.message.subject,
            seen.message.application_properties,
            seen.message.delivery_count,
        )
        assert "handle ok message 1 " in world.screen.text

    @pytest.mark.verified("trace", feature="Service Bus trigger: the trace context is empty without telemetry")
    async def test_a_traceparent_stays_among_the_properties(self, world: World) -> None:
        recorder = Recorder()
        said = {"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}
        await world.send("plain", message("1", application_properties=said))
        async with world.listening(recorder.app()):
            await eventually(lambda: recorder.seen, "it arrives")
        assert ("", said) == (recorder.seen[0].trace_parent, recorder.seen[0].message.application_properties)

    @pytest.mark.verified("docs", feature="Service Bus trigger: topic and subscription")
    async def test_a_subscription_is_listened_to(self, world: World) -> None:
        recorder, ordered = Recorder(), Recorder()
        await world.send("events", message("1", session="S"))
        async with world.listening(
            recorder.app(subscription=("events", "all")),
            ordered.app(subscription=("events", "ordered"), is_sessions_enabled=True),
        ):
            await eventually(lambda: recorder.seen and ordered.seen, "both subscriptions deliver")
        assert (["1"], ["1"]) == (recorder.bodies, ordered.of("S"))

    @pytest.mark.verified("docs", feature="Service Bus trigger: maxConcurrentCalls")
    async def test_so_many_calls_run_at_a_time_and_no_more(self, world: World) -> None:
        gate = Gate()
        recorder = Recorder(behave=gate)
        await world.send("plain", *(message(str(number)) for number in range(10)))
        async with world.listening(recorder.app(), options=replace(QUICK, max_concurrent_calls=3)):
            await eventually(lambda: recorder.running == 3, "three calls run")
            gate.open()
            await eventually(lambda: len(recorder.seen) == 10, "all messages arrive")
        assert 3 == recorder.most

    @pytest.mark.verified("docs", feature="Service Bus trigger: several hosts")
    async def test_hosts_compete_for_messages_and_each_goes_to_one(self, world: World) -> None:
        recorder = Recorder()
        async with world.listening(recorder.app(host=1), recorder.app(host=2)):
            await world.send("plain", *(message(str(number)) for number in range(200)))
            await eventually(lambda: world.counts("plain")["active"] == 0, "all are completed")
        assert sorted(str(number) for number in range(200)) == sorted(recorder.bodies)
        assert {1, 2} == {seen.host for seen in recorder.seen}

    @pytest.mark.verified("docs", feature="Service Bus trigger: prefetchCount")
    async def test_prefetched_messages_are_handed_on_too_and_given_back_at_the_end(self, world: World) -> None:
        gate = Gate()
        recorder = Recorder(behave=gate)
        await world.send("plain", *(message(str(number)) for number in range(6)))
        options = replace(QUICK, max_concurrent_calls=1, prefetch_count=2)
        async with world.listening(recorder.app(), options=options) as (host,):
            await eventually(gate.entered.is_set, "one call runs")
            stopping = asyncio.create_task(host.stop())
            await asyncio.sleep(0)
            gate.open()
            await stopping
        # What ran is completed; what was only prefetched has not been counted as a delivery.
        left = 6 - len(recorder.seen)
        assert left == world.counts("plain")["active"]
        again = Recorder()
        async with world.listening(again.app()):
            await eventually(lambda: len(again.seen) == left, "the others arrive elsewhere at once")
        assert {1} == {seen.message.delivery_count for seen in again.seen}


class TestFailures:
    @pytest.mark.verified("docs", feature="Service Bus trigger: a failed message is abandoned, then a dead letter")
    async def test_a_failed_message_comes_again_at_once_and_is_a_dead_letter_in_the_end(self, world: World) -> None:
        recorder = Recorder(behave=failing("bad"))
        await world.send("plain", message("bad"), message("good"))
        async with world.listening(recorder.app()):
            await eventually(lambda: world.counts("plain/$DeadLetterQueue")["active"] == 1, "it is a dead letter")
        assert [1, 2, 3] == [seen.message.delivery_count for seen in recorder.seen if seen.body == "bad"]
        assert 1 == recorder.bodies.count("good")
        assert "FAILED message 1 (delivery 2)" in world.screen.text
        assert "ValueError: poison" in world.screen.text

    @pytest.mark.verified("docs", feature="Service Bus trigger: dead letter queues")
    async def test_a_dead_letter_is_received_with_its_reason(self, world: World) -> None:
        recorder, undertaker = Recorder(behave=failing("bad")), Recorder()
        await world.send("plain", message("bad"))
        async with world.listening(recorder.app(), undertaker.app("plain/$DeadLetterQueue")):
            await eventually(lambda: undertaker.seen, "the dead letter arrives")
        (seen,) = undertaker.seen
        assert "MaxDeliveryCountExceeded" == seen.message.application_properties["DeadLetterReason"]

    @pytest.mark.verified("docs", feature="Service Bus trigger: AMQP value and sequence bodies fail")
    async def test_a_body_that_is_no_bytes_never_reaches_the_function(self, world: World) -> None:
        recorder = Recorder()
        await world.send("plain", replace(message(), data=None, value="text"), message("good"))
        async with world.listening(recorder.app()):
            await eventually(lambda: world.counts("plain/$DeadLetterQueue")["active"] == 1, "it is a dead letter")
            await eventually(lambda: recorder.seen, "the other one arrives")
        assert ["good"] == recorder.bodies
        assert "BodyError: Value cannot be retrieved using the Body property" in world.screen.text

    @pytest.mark.verified("trace", feature="Service Bus trigger: a JSON body overwrites the metadata")
    async def test_a_body_that_breaks_the_metadata_ends_as_a_dead_letter(self, world: World) -> None:
        recorder = Recorder()
        await world.send("plain", message('{"sequenceNumber":"abc"}'))
        async with world.listening(recorder.app(data_type=None)):
            await eventually(lambda: world.counts("plain/$DeadLetterQueue")["active"] == 1, "it is a dead letter")
        assert [] == recorder.seen
        assert "cannot convert value of field 'SequenceNumber' in trigger metadata into int" in world.screen.text

    @pytest.mark.verified("trace", feature="Service Bus trigger: retry policies run in memory")
    async def test_a_retry_policy_tries_again_under_the_same_delivery(self, world: World) -> None:
        recorder = Recorder(behave=failing("bad", times=2))
        await world.send("plain", message("bad"))
        retry = {"strategy": "fixed_delay", "max_retry_count": "2", "delay_interval": "00:00:01"}
        async with world.listening(recorder.app(retry=retry), hurry=50):
            await eventually(lambda: world.counts("plain")["active"] == 0, "it is completed")
        assert [(0, 1), (1, 1), (2, 1)] == [(seen.retry_count, seen.message.delivery_count) for seen in recorder.seen]
        assert "Soon retries will not be supported for function 'handle'." in world.screen.text

    @pytest.mark.verified("docs", feature="Service Bus trigger: stop while retrying")
    async def test_a_stop_during_a_retry_delay_gives_the_message_back_uncounted(self, world: World) -> None:
        recorder = Recorder(behave=failing("bad", times=1))
        await world.send("plain", message("bad"))
        retry = {"strategy": "fixed_delay", "max_retry_count": "2", "delay_interval": "01:00:00"}
        async with world.listening(recorder.app(retry=retry)):
            await eventually(lambda: "retry 1 of message 1" in world.screen.text, "it waits for the retry")
        async with world.listening(recorder.app(retry=retry)):
            await eventually(lambda: len(recorder.seen) == 2, "it comes again")
        assert (0, 1) == (recorder.seen[1].retry_count, recorder.seen[1].message.delivery_count)

    @pytest.mark.verified("docs", feature="Service Bus trigger: autoCompleteMessages")
    async def test_without_auto_complete_a_message_stays_locked_and_comes_again(self, world: World) -> None:
        assert world.server is not None
        recorder = Recorder()
        await world.send("plain", message("1"))
        options = replace(QUICK, max_lock_renewal=0.0)
        async with world.listening(recorder.app(auto_complete_messages=False), options=options):
            await eventually(lambda: "handle ok message 1 " in world.screen.text, "it succeeds")
            assert 1 == world.counts("plain")["active"]
            world.server.advance(6)
            await eventually(lambda: len(recorder.seen) == 2, "it comes again")
        assert 2 == recorder.seen[1].message.delivery_count


class TestLocks:
    @pytest.mark.verified("docs", feature="Service Bus trigger: locks are renewed while a function runs")
    async def test_a_message_stays_locked_for_longer_than_its_lock(self, monkeypatch: pytest.MonkeyPatch) -> None:
        renewals = Renewals(monkeypatch, "renew_message_lock")
        gate = Gate()
        recorder = Recorder(behave=gate)
        # Locks of 250 ms.
        async with ServiceBusServer.start(namespace(), hurry=20) as server:
            world = World(server.port, server)
            await world.send("plain", message("1"))
            async with world.listening(recorder.app(host=1), recorder.app(host=2)):
                await eventually(lambda: renewals.count >= 4, "the lock is renewed for twice its length")
                gate.open()
                await eventually(lambda: world.counts("plain")["active"] == 0, "it is completed")
        assert 1 == len(recorder.seen)

    @pytest.mark.verified("docs", feature="Service Bus trigger: maxAutoLockRenewalDuration")
    async def test_the_lock_is_lost_under_a_slow_function_once_renewal_ends(self, world: World) -> None:
        assert world.server is not None
        gate = Gate()
        slow, fast = Recorder(behave=gate), Recorder()
        options = replace(QUICK, max_lock_renewal=0.0)
        await world.send("plain", message("1"))
        async with world.listening(slow.app(), options=replace(options, max_concurrent_calls=1)):
            await eventually(gate.entered.is_set, "it runs")
            async with world.listening(fast.app(host=2), options=options):
                world.server.advance(6)
                await eventually(lambda: fast.seen, "another host gets the message")
            gate.open()
            await eventually(lambda: "its lock was lost" in world.screen.text, "the first completion fails")
        assert (1, 2) == (slow.seen[0].message.delivery_count, fast.seen[0].message.delivery_count)
        assert 0 == world.counts("plain")["active"]
        assert "message 1: its lock was lost, the broker delivers it again" in world.screen.text

    @pytest.mark.verified("docs", feature="Service Bus trigger: a settlement after the link broke")
    async def test_a_message_is_completed_after_its_link_broke(self, world: World) -> None:
        assert world.server is not None
        gate = Gate()
        recorder = Recorder(behave=gate)
        await world.send("plain", message("1"))
        async with world.listening(recorder.app()):
            await eventually(gate.entered.is_set, "it runs")
            await break_connections(world)
            await eventually(lambda: "receives from 'plain' again" in world.screen.text, "it reconnects")
            gate.open()
            await eventually(lambda: world.counts("plain")["active"] == 0, "it is completed")
        assert 1 == len(recorder.seen)


class TestTheBrokerAway:
    @pytest.mark.verified("docs", feature="Service Bus trigger: a broker that is away is waited for")
    async def test_a_function_starts_without_the_broker_and_works_when_it_comes(self, unused_tcp_port: int) -> None:
        world = World(unused_tcp_port)
        recorder, ordered, batch = Recorder(), Recorder(), Recorder()
        async with world.listening(
            recorder.app(), ordered.app("sessions", is_sessions_enabled=True), batch.batch_app()
        ):
            says = f"handle cannot receive from 'plain': cannot connect to localhost:{unused_tcp_port}: "
            await eventually(lambda: world.screen.text.count(says) >= 2, "it is said again and again")
            async with ServiceBusServer.start(namespace(), port=unused_tcp_port) as server:
                world.server = server
                await world.send("sessions", message("2", session="S"))
                await eventually(lambda: ordered.seen, "the session arrives")
                await eventually(
                    lambda: world.screen.text.count("handle receives from 'plain' again") == 2, "both listen"
                )
                await world.send("plain", message("1"))
                await eventually(lambda: recorder.seen or batch.seen, "the message arrives")

    @pytest.mark.verified("docs", feature="Service Bus trigger: a broker that is away is waited for")
    @pytest.mark.parametrize("sessions", [False, True])
    async def test_a_broker_that_was_killed_is_found_again_and_nothing_is_lost(
        self, tmp_path: Path, unused_tcp_port: int, sessions: bool
    ) -> None:
        queue = "sessions" if sessions else "plain"
        world = World(unused_tcp_port)
        recorder = Recorder(behave=dawdle)
        bodies = [str(number) for number in range(60)]
        async with world.listening(recorder.app(queue, is_sessions_enabled=sessions)):
            async with ServiceBusServer.start(namespace(), port=unused_tcp_port, data=tmp_path) as server:
                world.server = server
                await world.send(queue, *(message(body, session=f"S{int(body) % 7}") for body in bodies))
                await eventually(lambda: len(recorder.seen) > 10, "it works")
                await break_connections(world)
            async with ServiceBusServer.start(namespace(), port=unused_tcp_port, data=tmp_path, hurry=50) as server:
                world.server = server
                await eventually(lambda: set(recorder.bodies) == set(bodies), "the others arrive")
                await eventually(lambda: world.counts(queue)["active"] == 0, "all are completed")

    @pytest.mark.verified("docs", feature="Service Bus trigger: an entity that does not exist")
    @pytest.mark.parametrize("trigger", [{}, {"is_sessions_enabled": True}, {"many": True}])
    async def test_an_unknown_entity_is_an_error_that_names_it_again_and_again(
        self, world: World, trigger: dict[str, Any]
    ) -> None:
        recorder = Recorder()
        app = recorder.batch_app("nowhere") if "many" in trigger else recorder.app("nowhere", **trigger)
        async with world.listening(app):
            says = "handle cannot receive from 'nowhere': "
            await eventually(lambda: world.screen.text.count(says) >= 3, "it is said again and again")
        assert "could not be found" in world.screen.text

    @pytest.mark.verified("docs", feature="Service Bus trigger: sessions where there are none, and the reverse")
    @pytest.mark.parametrize(("queue", "sessions"), [("plain", True), ("sessions", False)])
    async def test_a_function_that_does_not_fit_its_entity_says_so(
        self, world: World, queue: str, sessions: bool
    ) -> None:
        recorder = Recorder()
        async with world.listening(recorder.app(queue, is_sessions_enabled=sessions)):
            await eventually(lambda: f"cannot receive from '{queue}'" in world.screen.text, "it is said")
        assert f"isSessionsEnabled is {str(sessions).lower()}" in world.screen.text


class TestStopping:
    @pytest.mark.verified("docs", feature="Service Bus trigger: stop while running")
    async def test_a_stop_lets_running_calls_end_and_completes_their_messages(self, world: World) -> None:
        gate = Gate()
        recorder = Recorder(behave=gate)
        await world.send("plain", *(message(str(number)) for number in range(10)))
        async with world.listening(recorder.app()) as (host,):
            await eventually(lambda: recorder.running == 4, "four calls run")
            stopping = asyncio.create_task(host.stop())
            await asyncio.sleep(0.05)
            assert not stopping.done()
            gate.open()
            await stopping
        assert (4, 6) == (len(recorder.seen), world.counts("plain")["active"])

    @pytest.mark.verified("docs", feature="Service Bus trigger: stop while the broker is away")
    async def test_a_stop_does_not_wait_for_a_broker(self, unused_tcp_port: int) -> None:
        world = World(unused_tcp_port)
        recorder = Recorder()
        async with asyncio.timeout(5):
            async with world.listening(recorder.app(), recorder.batch_app()):
                await eventually(lambda: "cannot connect" in world.screen.text, "it tries")

    @pytest.mark.verified("docs", feature="Service Bus trigger: functionTimeout")
    async def test_a_call_that_runs_into_the_timeout_is_abandoned(self, world: World) -> None:
        gate = Gate()
        recorder = Recorder(behave=gate)
        await world.send("plain", message("1"))
        async with world.listening(recorder.app()) as (host,):
            assert host.invoker is not None
            host.invoker._timeout = 0.05
            await eventually(lambda: len(recorder.seen) == 2, "it comes again")
            gate.open()
        assert 2 == recorder.seen[1].message.delivery_count
        assert "exceeded by function 'Functions.handle'" in world.screen.text


class TestBatches:
    @pytest.mark.verified("docs", feature="Service Bus trigger: cardinality many")
    async def test_a_batch_holds_what_waits_up_to_its_size(self, world: World) -> None:
        recorder = Recorder()
        await world.send("plain", *(message(str(number)) for number in range(7)))
        async with world.listening(recorder.batch_app(max_message_batch_size=5)):
            await eventually(lambda: world.counts("plain")["active"] == 0, "all are completed")
        assert [["0", "1", "2", "3", "4"], ["5", "6"]] == recorder.batches

    @pytest.mark.verified("docs", feature="Service Bus trigger: cardinality many")
    async def test_batches_run_one_after_the_other(self, world: World) -> None:
        gate = Gate()
        recorder = Recorder(behave=gate)
        await world.send("plain", message("1"))
        async with world.listening(recorder.batch_app()):
            await eventually(gate.entered.is_set, "the first batch runs")
            await world.send("plain", message("2"))
            gate.open()
            await eventually(lambda: len(recorder.batches) == 2, "the second one follows")
        assert ([["1"], ["2"]], 1) == (recorder.batches, recorder.most)
        # The second message waited at the broker, not here with its lock running.
        assert 1 == recorder.seen[1].message.delivery_count

    @pytest.mark.verified("docs", feature="Service Bus trigger: a failed batch is abandoned as a whole")
    async def test_a_failed_batch_is_abandoned_as_a_whole(self, world: World) -> None:
        recorder = Recorder(behave=failing("bad"))
        await world.send("plain", message("good"), message("bad"))
        async with world.listening(recorder.batch_app()):
            await eventually(lambda: world.counts("plain/$DeadLetterQueue")["active"] == 2, "both are dead letters")
        assert [["good", "bad"]] * 3 == recorder.batches

    @pytest.mark.verified("trace", feature="Service Bus trigger: batches")
    async def test_without_a_data_type_one_text_fails_the_batch(self, world: World) -> None:
        recorder = Recorder()
        await world.send("plain", message("{}"), message("no json"))
        async with world.listening(recorder.batch_app(data_type=None)):
            await eventually(lambda: world.counts("plain/$DeadLetterQueue")["active"] == 2, "both are dead letters")
        assert [] == recorder.batches
        assert "ConversionError: Exception binding parameter 'messages'" in world.screen.text

    @pytest.mark.verified("docs", feature="Service Bus trigger: batches of sessions")
    async def test_a_batch_is_of_one_session_and_sessions_take_turns(self, world: World) -> None:
        recorder = Recorder()
        sent = [message(f"{session}{number}", session=session) for number in range(3) for session in ("A", "B")]
        await world.send("sessions", *sent)
        async with world.listening(recorder.batch_app("sessions", is_sessions_enabled=True)):
            await eventually(lambda: world.counts("sessions")["active"] == 0, "all are completed")
        assert [["A0", "A1", "A2"], ["B0", "B1", "B2"]] == recorder.batches

    @pytest.mark.verified("docs", feature="Service Bus trigger: stop while running")
    async def test_a_stop_lets_the_running_batch_end(self, world: World) -> None:
        gate = Gate()
        recorder = Recorder(behave=gate)
        await world.send("plain", message("1"))
        async with world.listening(recorder.batch_app()) as (host,):
            await eventually(gate.entered.is_set, "the batch runs")
            stopping = asyncio.create_task(host.stop())
            await asyncio.sleep(0)
            gate.open()
            await stopping
        assert 0 == world.counts("plain")["active"]
