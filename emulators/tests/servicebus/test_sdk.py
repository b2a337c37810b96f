"""The official Python SDK, over both of its APIs, against a server in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.servicebus import (
    NEXT_AVAILABLE_SESSION,
    ServiceBusMessage,
    ServiceBusMessageState,
    ServiceBusReceivedMessage,
    ServiceBusReceiveMode,
    ServiceBusSubQueue,
)
from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver, ServiceBusSender
from azure.servicebus.exceptions import (
    MessageLockLostError,
    MessageNotFoundError,
    MessageSizeExceededError,
    MessagingEntityNotFoundError,
    OperationTimeoutError,
    ServiceBusError,
    ServiceBusServerBusyError,
    SessionCannotBeLockedError,
    SessionLockLostError,
)

from emulators.servicebus.faults import Effect, Fault
from emulators.servicebus.server import ServiceBusServer

WAIT = 5


def messages(*bodies: str, **fields: Any) -> list[ServiceBusMessage]:
    return [ServiceBusMessage(body, **fields) for body in bodies]


async def receive(receiver: ServiceBusReceiver, count: int) -> list[ServiceBusReceivedMessage]:
    """Exactly so many messages."""
    found: list[ServiceBusReceivedMessage] = []
    while len(found) < count:
        more = await receiver.receive_messages(max_message_count=count - len(found), max_wait_time=WAIT)
        assert more, f"{len(found)} of {count} messages came"
        found += more
    return found


def texts(received: Iterable[ServiceBusReceivedMessage]) -> list[str]:
    return [str(each) for each in received]


@pytest.fixture
async def sender(client: ServiceBusClient) -> ServiceBusSender:
    return client.get_queue_sender("plain")


def later(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


@pytest.mark.verified("sdk", feature="Sending: one message, a list, a batch")
@pytest.mark.verified("sdk", feature="Receiving: messages come in the order of their sequence numbers")
async def test_what_is_sent_is_received_in_order(client: ServiceBusClient, sender: ServiceBusSender) -> None:
    async with sender, client.get_queue_receiver("plain") as receiver:
        await sender.send_messages(
            ServiceBusMessage(
                b"one",
                message_id="m",
                subject="subject",
                content_type="text/plain",
                correlation_id="c",
                to="to",
                reply_to="reply",
                application_properties={"a": "b", "n": 5, "f": 1.5},
            )
        )
        await sender.send_messages(messages("two", "three"))
        batch = await sender.create_message_batch()
        batch.add_message(ServiceBusMessage("four"))
        await sender.send_messages(batch)
        received = await receive(receiver, 4)
        assert texts(received) == ["one", "two", "three", "four"]
        assert [each.sequence_number for each in received] == [1, 2, 3, 4]
        first = received[0]
        assert (first.message_id, first.subject, first.content_type) == ("m", "subject", "text/plain")
        assert (first.correlation_id, first.to, first.reply_to) == ("c", "to", "reply")
        # The SDK itself leaves keys and texts as bytes.
        assert first.application_properties == {b"a": b"b", b"n": 5, b"f": 1.5}
        assert first.delivery_count == 0
        assert first.state is ServiceBusMessageState.ACTIVE
        assert first.locked_until_utc is not None
        assert first.enqueued_time_utc is not None
        for each in received:
            await receiver.complete_message(each)
        assert await receiver.peek_messages(sequence_number=1) == []


@pytest.mark.verified("sdk", feature="Sending: a batch of a hundred, and messages larger than a frame")
async def test_large_messages_and_large_batches(client: ServiceBusClient, sender: ServiceBusSender) -> None:
    async with sender, client.get_queue_receiver("plain") as receiver:
        large = "x" * 200_000
        await sender.send_messages(ServiceBusMessage(large))
        await sender.send_messages(messages(*map(str, range(100))))
        assert texts(await receive(receiver, 101)) == [large, *map(str, range(100))]
        with pytest.raises(MessageSizeExceededError):
            await sender.send_messages(ServiceBusMessage("x" * 300_000))


@pytest.mark.verified("sdk", feature="Settlement: complete, abandon, defer, dead-letter")
async def test_every_way_to_settle(client: ServiceBusClient, sender: ServiceBusSender) -> None:
    async with sender, client.get_queue_receiver("plain") as receiver:
        await sender.send_messages(messages("complete", "abandon", "defer", "dead"))
        complete, abandon, defer, dead = await receive(receiver, 4)
        await receiver.complete_message(complete)
        await receiver.dead_letter_message(dead, reason="why", error_description="because")
        await receiver.defer_message(defer)
        await receiver.abandon_message(abandon)
        (again,) = await receive(receiver, 1)
        assert (str(again), again.delivery_count) == ("abandon", 1)
        await receiver.complete_message(again)

        assert defer.sequence_number is not None
        (deferred,) = await receiver.receive_deferred_messages(defer.sequence_number)
        assert deferred.state is ServiceBusMessageState.DEFERRED
        await receiver.complete_message(deferred)
        with pytest.raises(MessageNotFoundError):
            await receiver.receive_deferred_messages(defer.sequence_number)

        async with client.get_queue_receiver("plain", sub_queue=ServiceBusSubQueue.DEAD_LETTER) as dead_letters:
            (letter,) = await receive(dead_letters, 1)
            assert (letter.dead_letter_reason, letter.dead_letter_error_description) == ("why", "because")
            assert texts(await dead_letters.peek_messages(sequence_number=1)) == ["dead"]
            await dead_letters.complete_message(letter)
            assert await dead_letters.peek_messages(sequence_number=1) == []


@pytest.mark.verified("sdk", feature="Dead letters: after the last delivery, with the documented reason")
async def test_deliveries_are_limited(client: ServiceBusClient, sender: ServiceBusSender) -> None:
    async with sender, client.get_queue_receiver("plain") as receiver:
        await sender.send_messages(ServiceBusMessage("poison"))
        for count in range(3):
            (message,) = await receive(receiver, 1)
            assert message.delivery_count == count
            await receiver.abandon_message(message)
        async with client.get_queue_receiver("plain", sub_queue="deadletter") as dead_letters:
            (letter,) = await receive(dead_letters, 1)
            assert letter.dead_letter_reason == "MaxDeliveryCountExceeded"


@pytest.mark.verified("sdk", feature="Settlement: released messages come again in their place, uncounted")
async def test_stray_messages_come_back_uncounted_and_in_order(
    client: ServiceBusClient, sender: ServiceBusSender
) -> None:
    async with sender:
        async with client.get_queue_receiver("plain", prefetch_count=10) as greedy:
            await sender.send_messages(messages("1", "2", "3"))
            (first,) = await receive(greedy, 1)
            await greedy.abandon_message(first)
        async with client.get_queue_receiver("plain") as receiver:
            received = await receive(receiver, 3)
            assert texts(received) == ["1", "2", "3"]
            assert [each.delivery_count for each in received] == [1, 0, 0]


@pytest.mark.verified("sdk", feature="Locks: one that expires gives the message to the next, counted")
async def test_an_expired_lock_is_lost(
    server: ServiceBusServer, client: ServiceBusClient, sender: ServiceBusSender
) -> None:
    async with sender, client.get_queue_receiver("plain") as slow:
        await sender.send_messages(ServiceBusMessage("a"))
        (late,) = await receive(slow, 1)
        server.advance(31)
        with pytest.raises(MessageLockLostError):
            await slow.complete_message(late)
        async with client.get_queue_receiver("plain") as quick:
            (again,) = await receive(quick, 1)
            assert again.delivery_count == 1
            await quick.complete_message(again)


@pytest.mark.verified("sdk", feature="Locks: a renewed one lasts as long again, under the same token")
async def test_a_lock_is_renewed(server: ServiceBusServer, client: ServiceBusClient, sender: ServiceBusSender) -> None:
    async with sender, client.get_queue_receiver("plain") as receiver:
        await sender.send_messages(ServiceBusMessage("a"))
        (message,) = await receive(receiver, 1)
        server.advance(20)
        renewed = await receiver.renew_message_lock(message)
        assert renewed == message.locked_until_utc
        assert renewed - datetime.now(UTC) > timedelta(seconds=45)
        server.advance(20)
        await receiver.complete_message(message)


@pytest.mark.verified("sdk", feature="Receive-and-delete")
async def test_receive_and_delete(client: ServiceBusClient, sender: ServiceBusSender) -> None:
    mode = ServiceBusReceiveMode.RECEIVE_AND_DELETE
    async with sender, client.get_queue_receiver("plain", receive_mode=mode, prefetch_count=50) as receiver:
        await sender.send_messages(messages("1", "2", "3"))
        assert texts(await receive(receiver, 3)) == ["1", "2", "3"]
        assert await receiver.peek_messages(sequence_number=1) == []


@pytest.mark.verified("sdk", feature="Scheduling: sent for later, through a property or an operation; cancelled")
async def test_scheduling(server: ServiceBusServer, client: ServiceBusClient, sender: ServiceBusSender) -> None:
    async with sender, client.get_queue_receiver("plain") as receiver:
        numbers = await sender.schedule_messages(messages("a", "b"), later(100))
        await sender.send_messages(ServiceBusMessage("c", scheduled_enqueue_time_utc=later(200)))
        await sender.cancel_scheduled_messages(numbers[0])
        with pytest.raises(MessageNotFoundError):
            await sender.cancel_scheduled_messages(numbers[0])
        peeked = await receiver.peek_messages(max_message_count=10, sequence_number=1)
        assert [(str(each), each.state) for each in peeked] == [
            ("b", ServiceBusMessageState.SCHEDULED),
            ("c", ServiceBusMessageState.SCHEDULED),
        ]
        server.advance(150)
        (first,) = await receive(receiver, 1)
        assert str(first) == "b"
        await receiver.complete_message(first)
        server.advance(100)
        (second,) = await receive(receiver, 1)
        assert str(second) == "c"


@pytest.mark.verified("sdk", feature="Time to live: the shorter of the message's and the entity's")
async def test_expiry(server: ServiceBusServer, client: ServiceBusClient) -> None:
    async with client.get_queue_sender("kept") as sender, client.get_queue_receiver("kept") as receiver:
        await sender.send_messages([ServiceBusMessage("a", time_to_live=timedelta(seconds=10)), ServiceBusMessage("b")])
        peeked = await receiver.peek_messages(max_message_count=2, sequence_number=1)
        assert [each.time_to_live for each in peeked] == [timedelta(seconds=10), timedelta(minutes=1)]
        server.advance(20)
        assert texts(await receive(receiver, 1)) == ["b"]
        async with client.get_queue_receiver("kept", sub_queue="deadletter") as dead_letters:
            (letter,) = await receive(dead_letters, 1)
            assert letter.dead_letter_reason == "TTLExpiredException"


@pytest.mark.verified("sdk", feature="Duplicate detection: an id within the window is accepted and dropped")
async def test_duplicates(server: ServiceBusServer, client: ServiceBusClient) -> None:
    async with client.get_queue_sender("once") as sender, client.get_queue_receiver("once") as receiver:
        await sender.send_messages(messages("a", "a", message_id="1"))
        await sender.send_messages(ServiceBusMessage("a", message_id="1"))
        server.advance(301)
        await sender.send_messages(ServiceBusMessage("b", message_id="1"))
        await sender.send_messages(ServiceBusMessage("c", message_id="2"))
        assert texts(await receive(receiver, 3)) == ["a", "b", "c"]


@pytest.mark.verified("sdk", feature="Topics: rules choose, dead letters of a subscription")
async def test_topics(client: ServiceBusClient) -> None:
    async with client.get_topic_sender("events") as sender:
        await sender.send_messages([ServiceBusMessage("1", subject="a"), ServiceBusMessage("2", subject="b")])
        await sender.send_messages(ServiceBusMessage("3", application_properties={"kind": "b"}))
        number = await sender.schedule_messages(ServiceBusMessage("never", subject="a"), later(600))
        await sender.cancel_scheduled_messages(number)
    async with client.get_subscription_receiver("events", "some") as receiver:
        one, three = await receive(receiver, 2)
        assert texts([one, three]) == ["1", "3"]
        assert (three.sequence_number, three.enqueued_sequence_number) == (2, 3)
        await receiver.dead_letter_message(one, reason="r")
        await receiver.complete_message(three)
    async with client.get_subscription_receiver("events", "some", sub_queue="deadletter") as dead_letters:
        (letter,) = await receive(dead_letters, 1)
        assert (str(letter), letter.enqueued_sequence_number) == ("1", 1)
        await dead_letters.complete_message(letter)


@pytest.mark.verified("sdk", feature="Errors: an unknown entity")
async def test_unknown_entities(client: ServiceBusClient) -> None:
    with pytest.raises(MessagingEntityNotFoundError, match="'nowhere' could not be found"):
        async with client.get_queue_sender("nowhere") as sender:
            await sender.send_messages(ServiceBusMessage("a"))
    with pytest.raises(MessagingEntityNotFoundError):
        async with client.get_subscription_receiver("events", "nobody") as receiver:
            await receiver.receive_messages(max_wait_time=WAIT)


class TestSessions:
    @pytest.mark.verified("sdk", feature="Sessions: one receiver gets the messages of one session, in order")
    @pytest.mark.verified("sdk", feature="Sessions: state")
    async def test_a_session_by_name(self, client: ServiceBusClient) -> None:
        async with client.get_queue_sender("orders") as sender:
            await sender.send_messages([ServiceBusMessage(str(n), session_id="AB"[n % 2]) for n in range(6)])
            async with client.get_queue_receiver("orders", session_id="B") as receiver:
                session = receiver.session
                assert session.session_id == "B"
                assert session.locked_until_utc is not None
                received = await receive(receiver, 3)
                assert texts(received) == ["1", "3", "5"]
                assert {each.session_id for each in received} == {"B"}
                assert await session.get_state() is None
                await session.set_state("state")
                assert await session.get_state() == b"state"
                await receiver.complete_message(received[0])
                await receiver.abandon_message(received[1])
                await receiver.defer_message(received[2])
                (again,) = await receive(receiver, 1)
                assert (str(again), again.delivery_count) == ("3", 1)
                await receiver.dead_letter_message(again, reason="r")
                assert received[2].sequence_number is not None
                (deferred,) = await receiver.receive_deferred_messages([received[2].sequence_number])
                await receiver.complete_message(deferred)
            async with client.get_queue_receiver("orders", session_id="B") as receiver:
                assert await receiver.session.get_state() == b"state"
                await receiver.session.set_state(None)
                assert await receiver.session.get_state() is None
                assert await receiver.peek_messages() == []

    @pytest.mark.verified("sdk", feature="Sessions: the next available one is that with the oldest message")
    @pytest.mark.verified("sdk", feature="Sessions: waiting for one ends with com.microsoft:timeout")
    async def test_the_next_available_session(self, client: ServiceBusClient) -> None:
        def following(seconds: float) -> ServiceBusReceiver:
            return client.get_queue_receiver("orders", session_id=NEXT_AVAILABLE_SESSION, max_wait_time=seconds)

        async with client.get_queue_sender("orders") as sender:
            await sender.send_messages([ServiceBusMessage(session, session_id=session) for session in "BAB"])
            async with following(WAIT) as first, following(WAIT) as second:
                assert [first.session.session_id, second.session.session_id] == ["B", "A"]
                with pytest.raises(OperationTimeoutError):
                    async with following(0.2):
                        pass

    @pytest.mark.verified("sdk", feature="Sessions: whoever waits for one gets it as soon as a message comes")
    async def test_a_receiver_that_waits_gets_the_session_of_the_next_message(self, client: ServiceBusClient) -> None:
        async with client.get_queue_sender("orders") as sender:
            waiting = client.get_queue_receiver("orders", session_id=NEXT_AVAILABLE_SESSION, max_wait_time=WAIT)
            accepting = asyncio.ensure_future(waiting.__aenter__())
            await sender.send_messages(ServiceBusMessage("a", session_id="A"))
            async with await accepting as receiver:
                assert receiver.session.session_id == "A"
                assert texts(await receive(receiver, 1)) == ["a"]

    @pytest.mark.verified("sdk", feature="$management: sessions by the time of their state")
    async def test_sessions_are_listed_by_the_time_of_their_state(
        self, server: ServiceBusServer, client: ServiceBusClient
    ) -> None:
        async def listed(**options: Any) -> list[str]:
            pages: Any = client.list_queue_sessions("orders", **options)
            if hasattr(pages, "__aiter__"):
                return [session async for session in pages]
            return await asyncio.to_thread(list, await pages)

        async def set_state(session: str) -> datetime:
            async with client.get_queue_receiver("orders", session_id=session) as receiver:
                await receiver.session.set_state(b"s")
            return datetime.fromtimestamp(server.clock.now(), UTC)

        server.clock.freeze()
        async with client.get_queue_sender("orders") as sender:
            await sender.send_messages(messages("1", session_id="message"))
        before = await set_state("first")
        server.advance(60)
        after = await set_state("second")
        assert await listed() == ["first", "message", "second"]
        assert await listed(state_updated_after=before - timedelta(seconds=1)) == ["first", "second"]
        assert await listed(state_updated_after=before) == ["second"]
        assert await listed(state_updated_after=after) == []

    @pytest.mark.verified("docs", feature="$management: sessions by the time of their state")
    async def test_sessions_of_deferred_messages_alone_are_not_listed(
        self, server: ServiceBusServer, client: ServiceBusClient
    ) -> None:
        async with client.get_queue_sender("orders") as sender:
            await sender.send_messages(messages("1", session_id="deferred"))
        async with client.get_queue_receiver("orders", session_id="deferred") as receiver:
            (message,) = await receive(receiver, 1)
            await receiver.defer_message(message)
        assert server.store.sessions(server.namespace.source("orders").number, 0, 10) == []

    @pytest.mark.verified("sdk", feature="Sessions: one that is held cannot be accepted")
    async def test_a_held_session(self, client: ServiceBusClient) -> None:
        async with client.get_queue_receiver("orders", session_id="A"):
            with pytest.raises(SessionCannotBeLockedError):
                async with client.get_queue_receiver("orders", session_id="A"):
                    pass
        async with client.get_queue_receiver("orders", session_id="A"):
            pass

    @pytest.mark.verified("sdk", feature="Sessions: an expired lock gives messages back counted, and tells the holder")
    @pytest.mark.verified("sdk", feature="Sessions: renewing the lock renews it for the messages")
    async def test_a_session_lock_ends(self, server: ServiceBusServer, client: ServiceBusClient) -> None:
        async with client.get_queue_sender("orders") as sender:
            await sender.send_messages(messages("1", "2", session_id="A"))
            async with client.get_queue_receiver("orders", session_id="A") as slow:
                one, two = await receive(slow, 2)
                server.advance(20)
                until = await slow.session.renew_lock()
                assert until - datetime.now(UTC) > timedelta(seconds=45)
                server.advance(20)
                await slow.complete_message(one)
                server.advance(20)
                with pytest.raises(SessionLockLostError):
                    await slow.complete_message(two)
                async with client.get_queue_receiver("orders", session_id="A") as quick:
                    (again,) = await receive(quick, 1)
                    assert (str(again), again.delivery_count) == ("2", 1)

    @pytest.mark.verified("sdk", feature="Sessions: closing gives messages back uncounted, and the session to the next")
    async def test_a_closed_session_is_free(self, client: ServiceBusClient) -> None:
        async with client.get_queue_sender("orders") as sender:
            await sender.send_messages(messages("1", "2", session_id="A"))
            for _ in range(4):  # more often than a message may be delivered
                async with client.get_queue_receiver("orders", session_id="A") as receiver:
                    received = await receive(receiver, 2)
                    assert [(str(each), each.delivery_count) for each in received] == [("1", 0), ("2", 0)]

    @pytest.mark.verified("sdk", feature="Sessions: a message without a session id is refused")
    async def test_what_does_not_fit_sessions_is_refused(self, client: ServiceBusClient) -> None:
        async with client.get_queue_sender("orders") as sender:
            with pytest.raises(ServiceBusError, match="requires sessions"):
                await sender.send_messages(ServiceBusMessage("a"))
        with pytest.raises(ServiceBusError, match="requires sessions"):
            async with client.get_queue_receiver("orders") as receiver:
                await receiver.receive_messages(max_wait_time=WAIT)
        with pytest.raises(ServiceBusError, match="has no sessions"):
            async with client.get_queue_receiver("plain", session_id="A") as receiver:
                await receiver.receive_messages(max_wait_time=WAIT)


@pytest.mark.verified("sdk", feature="Faults: on request, for tests")
class TestFaults:
    async def test_an_operation_is_refused(self, server: ServiceBusServer, client: ServiceBusClient) -> None:
        server.faults.add(Fault(Effect.REFUSE, kinds=frozenset({"send"}), entity="plain", skip=1))
        async with client.get_queue_sender("plain") as sender, client.get_queue_receiver("plain") as receiver:
            await sender.send_messages(ServiceBusMessage("1"))
            with pytest.raises(ServiceBusServerBusyError):
                await sender.send_messages(ServiceBusMessage("2"))
            await sender.send_messages(ServiceBusMessage("3"))
            assert texts(await receive(receiver, 2)) == ["1", "3"]
            assert server.faults.struck() == 1
