"""The rules of queues, without a server and with a clock that the tests move."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from emulators.servicebus.errors import ServiceBusError
from emulators.servicebus.messages import MAX_MESSAGE_SIZE
from emulators.servicebus.store import Store
from emulators.tests.servicebus.pure import Broker, FakeReceiver, delivered, message, text

MAX_DELIVERIES = 3


@pytest.mark.verified("docs", feature="Receiving: messages come in the order of their sequence numbers")
def test_messages_come_in_order_with_numbers_from_one(broker: Broker) -> None:
    assert broker.send("plain", "a", "b", "c") == [1, 2, 3]
    receiver = broker.receive("plain")
    assert receiver.texts == ["a", "b", "c"]
    first = delivered(*receiver.got[0])
    assert first.header is not None
    assert first.header.delivery_count == 0
    assert first.annotations["x-opt-sequence-number"] == 1
    assert first.annotations["x-opt-locked-until"] == broker.runtime.now() + 30_000
    assert first.annotations["x-opt-message-state"] == 0


@pytest.mark.verified("docs", feature="Receiving: never more than the receiver asked for")
def test_a_receiver_gets_what_it_has_room_for(broker: Broker) -> None:
    broker.send("plain", "a", "b", "c")
    receiver = broker.receive("plain", room=2)
    assert receiver.texts == ["a", "b"]
    receiver.room = 5
    broker.runtime.wake(broker.queue("plain"))
    broker.turn()
    assert receiver.texts == ["a", "b", "c"]


@pytest.mark.verified("docs", feature="Receiving: competing receivers share what comes")
def test_two_receivers_take_turns(broker: Broker) -> None:
    one, other = broker.receive("plain"), broker.receive("plain")
    for each in "abcd":
        broker.send("plain", each)
        broker.turn()
    assert sorted(one.texts + other.texts) == ["a", "b", "c", "d"]
    assert len(one.texts) == len(other.texts)


@pytest.mark.verified("docs", feature="Settlement: complete removes a message")
def test_a_completed_message_is_gone(broker: Broker) -> None:
    broker.send("plain", "a")
    receiver = broker.receive("plain")
    broker.queue("plain").complete(receiver.token("a"))
    assert broker.queue("plain").peek(0, 10) == []
    with pytest.raises(ServiceBusError, match="lock supplied is invalid"):
        broker.queue("plain").complete(receiver.token("a"))


@pytest.mark.verified("docs", feature="Settlement: an abandoned message comes again in its place, counted")
def test_an_abandoned_message_takes_its_place_again(broker: Broker) -> None:
    broker.send("plain", "a", "b", "c")
    first = broker.receive("plain", room=2)
    queue = broker.queue("plain")
    queue.detach(first)
    queue.abandon(first.token("b"), {"seen": "once"})
    queue.abandon(first.token("a"))
    second = broker.receive("plain")
    assert second.texts == ["a", "b", "c"]
    counts = [message.delivery_count for message, _ in second.got]
    assert counts == [1, 1, 0]
    assert delivered(second.got[1][0]).application_properties == {"seen": "once"}


@pytest.mark.verified("trace", feature="Settlement: released messages come again in their place, uncounted")
def test_released_messages_are_not_counted_and_keep_their_order(broker: Broker) -> None:
    broker.send("plain", "1", "2", "3")
    queue = broker.queue("plain")
    for _ in range(2 * MAX_DELIVERIES):
        stray = broker.receive("plain", room=2)
        queue.detach(stray)
        for each in reversed(stray.texts):
            queue.release(stray.token(each))
    receiver = broker.receive("plain")
    assert receiver.texts == ["1", "2", "3"]
    assert {message.delivery_count for message, _ in receiver.got} == {0}
    assert broker.dead_letters("plain") == []


@pytest.mark.verified("docs", feature="Dead letters: after the last delivery, with the documented reason")
def test_the_last_delivery_that_fails_makes_a_dead_letter(broker: Broker) -> None:
    broker.send("plain", "a")
    receiver = broker.receive("plain")
    for _ in range(MAX_DELIVERIES):
        broker.queue("plain").abandon(receiver.token("a"))
        broker.turn()
    assert len(receiver.got) == MAX_DELIVERIES
    (dead,) = broker.dead_letters("plain")
    assert delivered(dead).application_properties == {
        "DeadLetterReason": "MaxDeliveryCountExceeded",
        "DeadLetterErrorDescription": "Message could not be consumed after 3 delivery attempts.",
    }
    assert dead.delivery_count == MAX_DELIVERIES
    assert dead.sequence_number == 1


@pytest.mark.verified("docs", feature="Dead letters: on request, with reason, description and changed properties")
def test_a_dead_letter_says_why(broker: Broker) -> None:
    broker.send("plain", "a", kind="x")
    receiver = broker.receive("plain")
    broker.queue("plain").dead_letter(receiver.token("a"), "no use", "nobody wants it", {"kind": "y"})
    (dead,) = broker.dead_letters("plain")
    assert delivered(dead).application_properties == {
        "kind": "y",
        "DeadLetterReason": "no use",
        "DeadLetterErrorDescription": "nobody wants it",
    }


@pytest.mark.verified(
    "docs", feature="Dead letters: received and settled like others, without limit and without expiry"
)
def test_dead_letters_are_received_and_never_die_twice(broker: Broker) -> None:
    broker.send("plain", "a", ttl=60_000)
    broker.send("plain", "b")
    receiver = broker.receive("plain")
    queue, dead = broker.queue("plain"), broker.queue("plain/$deadletterqueue")
    queue.dead_letter(receiver.token("b"))
    queue.dead_letter(receiver.token("a"))
    reader = broker.receive("plain/$deadletterqueue")
    assert sorted(reader.texts) == ["a", "b"]
    for _ in range(2 * MAX_DELIVERIES):
        dead.abandon(reader.token("a"))
        broker.turn()
    with pytest.raises(ServiceBusError, match="dead letter already"):
        dead.dead_letter(reader.token("a"))
    broker.advance(3600)
    assert [text(each) for each in dead.peek(0, 10)] == ["a", "b"]
    dead.complete(reader.token("a"))
    assert [text(each) for each in dead.peek(0, 10)] == ["b"]


@pytest.mark.verified("docs", feature="Locks: one that expires gives the message to the next, counted")
def test_the_second_receiver_gets_it_and_the_first_one_cannot_complete(broker: Broker) -> None:
    broker.send("plain", "a")
    slow = broker.receive("plain", room=1)
    quick = broker.receive("plain")
    assert quick.texts == []
    broker.advance(29.9)
    assert quick.texts == []
    broker.advance(0.1)
    assert quick.texts == ["a"]
    assert quick.got[0][0].delivery_count == 1
    with pytest.raises(ServiceBusError) as refusal:
        broker.queue("plain").complete(slow.token("a"))
    assert refusal.value.condition == "com.microsoft:message-lock-lost"
    broker.queue("plain").complete(quick.token("a"))


@pytest.mark.verified("docs", feature="Locks: a renewed one lasts as long again, under the same token")
def test_a_renewed_lock_lasts(broker: Broker) -> None:
    broker.send("plain", "a", "b")
    receiver = broker.receive("plain")
    broker.advance(20)
    assert broker.queue("plain").renew(receiver.token("a")) == broker.runtime.now() + 30_000
    broker.advance(20)
    assert receiver.texts == ["a", "b", "b"]
    broker.queue("plain").complete(receiver.token("a"))


@pytest.mark.verified("docs", feature="Locks: those of a closed receiver stay until they expire")
def test_locks_of_a_receiver_that_is_gone_last(broker: Broker) -> None:
    broker.send("plain", "a")
    gone = broker.receive("plain")
    broker.queue("plain").detach(gone)
    other = broker.receive("plain")
    assert other.texts == []
    broker.advance(30)
    assert other.texts == ["a"]


def test_hurry_shortens_locks_and_nothing_else(broker: Broker) -> None:
    hurried = Broker(hurry=10)
    hurried.send("plain", "a")
    receiver = hurried.receive("plain")
    hurried.advance(2.9)
    assert receiver.texts == ["a"]
    hurried.advance(0.1)
    assert receiver.texts == ["a", "a"]
    assert hurried.send("once", "x", "x", message_id="1") == [1, 0]
    hurried.advance(290)
    assert hurried.send("once", "x", message_id="1") == [0]
    hurried.close()


@pytest.mark.verified("docs", feature="Receive-and-delete")
def test_receive_and_delete_keeps_nothing(broker: Broker) -> None:
    broker.send("plain", "a", "b")
    receiver = broker.receive("plain", room=1, deletes=True)
    assert receiver.texts == ["a"]
    assert receiver.got[0][1] is None
    assert [text(each) for each in broker.queue("plain").peek(0, 10)] == ["b"]


@pytest.mark.verified("docs", feature="Deferring: received by number alone, and deferred again when abandoned")
def test_a_deferred_message_is_received_by_its_number_alone(broker: Broker) -> None:
    broker.send("plain", "a", "b")
    receiver = broker.receive("plain")
    queue = broker.queue("plain")
    queue.defer(receiver.token("a"), {"later": True})
    broker.advance(3600)
    assert receiver.texts.count("a") == 1
    (peeked, _) = queue.peek(0, 10)
    assert delivered(peeked).annotations["x-opt-message-state"] == 1

    (received,) = queue.receive_deferred([1], delete=False, session=None)
    assert received.lock is not None
    assert delivered(received.message).application_properties == {"later": True}
    with pytest.raises(ServiceBusError, match="sequence number 1"):
        queue.receive_deferred([1], delete=False, session=None)
    queue.abandon(received.lock.token)
    (received,) = queue.receive_deferred([1], delete=False, session=None)
    assert received.message.delivery_count == 1
    assert received.lock is not None
    queue.complete(received.lock.token)
    with pytest.raises(ServiceBusError, match="sequence number 1"):
        queue.receive_deferred([1], delete=False, session=None)


@pytest.mark.verified("docs", feature="Deferring: receive-and-delete by number")
def test_a_deferred_message_is_deleted_when_received_so(broker: Broker) -> None:
    broker.send("plain", "a")
    receiver = broker.receive("plain")
    queue = broker.queue("plain")
    queue.defer(receiver.token("a"))
    assert [text(each.message) for each in queue.receive_deferred([1], delete=True, session=None)] == ["a"]
    assert queue.peek(0, 10) == []


@pytest.mark.verified("docs", feature="Deferring: numbers are received all or none")
def test_one_unknown_number_and_nothing_is_locked(broker: Broker) -> None:
    broker.send("plain", "a")
    receiver = broker.receive("plain")
    queue = broker.queue("plain")
    queue.defer(receiver.token("a"))
    with pytest.raises(ServiceBusError, match="sequence number 7"):
        queue.receive_deferred([1, 7], delete=False, session=None)
    assert len(queue.receive_deferred([1], delete=False, session=None)) == 1


@pytest.mark.verified("docs", feature="Time to live: the shorter of the message's and the entity's")
def test_messages_expire_by_the_shorter_time(broker: Broker) -> None:
    broker.send("short", "sender's", ttl=10_000)
    broker.send("short", "queue's", ttl=3_600_000)
    assert [delivered(each).header.ttl for each in broker.queue("short").peek(0, 10)] == [10_000, 60_000]  # type: ignore[union-attr]
    broker.advance(10)
    assert [text(each) for each in broker.queue("short").peek(0, 10)] == ["queue's"]
    broker.advance(50)
    assert broker.queue("short").peek(0, 10) == []
    assert broker.store.count(broker.queue("short").number) == {}
    assert broker.receive("short").texts == []


@pytest.mark.verified("docs", feature="Time to live: expired messages become dead letters where the entity says so")
def test_expired_messages_are_dead_lettered(broker: Broker) -> None:
    broker.send("kept", "a")
    broker.advance(60)
    (dead,) = broker.dead_letters("kept")
    assert delivered(dead).application_properties["DeadLetterReason"] == "TTLExpiredException"


@pytest.mark.verified("docs", feature="Time to live: a locked message does not expire")
def test_a_locked_message_is_completed_after_its_time(broker: Broker) -> None:
    broker.send("kept", "a", "b")
    receiver = broker.receive("kept")
    broker.advance(59)
    broker.queue("kept").renew(receiver.token("a"))
    broker.advance(30)
    broker.queue("kept").complete(receiver.token("a"))
    assert [text(each) for each in broker.dead_letters("kept")] == ["b"]


@pytest.mark.verified("docs", feature="Scheduling: invisible to receivers until due, then appended with a new number")
def test_a_scheduled_message_arrives_when_it_is_due(broker: Broker) -> None:
    receiver = broker.receive("plain", deletes=True)
    (number,) = broker.send("plain", "later", scheduled=100)
    broker.send("plain", "now")
    broker.turn()
    assert receiver.texts == ["now"]
    scheduled = broker.queue("plain").peek(0, 10)[0]
    assert delivered(scheduled).annotations["x-opt-message-state"] == 2
    broker.advance(100)
    assert receiver.texts == ["now", "later"]
    arrived = delivered(receiver.got[1][0])
    assert arrived.annotations["x-opt-sequence-number"] > number
    assert arrived.annotations["x-opt-enqueued-time"] == broker.runtime.now()
    assert arrived.annotations["x-opt-message-state"] == 0
    assert "x-opt-scheduled-enqueue-time" in arrived.annotations


@pytest.mark.verified("docs", feature="Scheduling: cancelled by number, all or none")
def test_a_cancelled_message_never_arrives(broker: Broker) -> None:
    numbers = broker.send("plain", "a", "b", scheduled=100)
    queue = broker.queue("plain")
    with pytest.raises(ServiceBusError, match="sequence number 99"):
        queue.cancel_scheduled([numbers[0], 99])
    queue.cancel_scheduled([numbers[0]])
    receiver = broker.receive("plain")
    broker.advance(100)
    assert receiver.texts == ["b"]
    with pytest.raises(ServiceBusError):
        queue.cancel_scheduled(numbers)


def test_a_message_scheduled_for_the_past_comes_at_once(broker: Broker) -> None:
    broker.send("plain", "a", scheduled=-5)
    assert broker.receive("plain").texts == ["a"]


def test_the_time_to_live_of_a_scheduled_message_starts_when_it_arrives(broker: Broker) -> None:
    broker.send("plain", "a", scheduled=100, ttl=10_000)
    broker.advance(100)
    broker.advance(9)
    assert len(broker.queue("plain").peek(0, 10)) == 1
    broker.advance(1)
    assert broker.queue("plain").peek(0, 10) == []


@pytest.mark.verified("docs", feature="Duplicate detection: an id within the window is accepted and dropped")
def test_an_id_is_remembered_for_the_window(broker: Broker) -> None:
    assert broker.send("once", "a", message_id="1") == [1]
    assert broker.send("once", "again", message_id="1") == [0]
    receiver = broker.receive("once")
    broker.queue("once").complete(receiver.token("a"))
    assert broker.send("once", "after completion", message_id="1") == [0]
    broker.advance(301)
    assert broker.send("once", "outside the window", message_id="1") == [2]
    assert broker.send("once", "no id", "no id") == [3, 4]


@pytest.mark.verified("docs", feature="Duplicate detection: ids are unique across sessions")
def test_another_session_does_not_make_an_id_new(broker: Broker) -> None:
    topic = broker.topic("events")
    assert topic.send(message("a", session="one", message_id="1")) == 1
    assert topic.send(message("a", session="two", message_id="1")) == 0


def test_duplicate_detection_can_be_off() -> None:
    careless = Broker(duplicate_detection=False)
    assert careless.send("once", "a", "a", message_id="1") == [1, 2]
    careless.close()


@pytest.mark.verified("docs", feature="Peeking: every state, from a number on, without a lock or a count")
def test_peeking_changes_nothing(broker: Broker) -> None:
    broker.send("plain", "a", "b", "c")
    broker.send("plain", "d", scheduled=100)
    receiver = broker.receive("plain", room=1)
    queue = broker.queue("plain")
    assert [text(each) for each in queue.peek(0, 10)] == ["a", "b", "c", "d"]
    assert [text(each) for each in queue.peek(2, 2)] == ["b", "c"]
    assert queue.peek(5, 10) == []
    queue.complete(receiver.token("a"))
    assert "x-opt-locked-until" not in delivered(queue.peek(0, 1)[0]).annotations


def test_what_was_committed_survives_and_numbers_go_on(tmp_path: Path) -> None:
    first = Broker(data=tmp_path)
    first.send("plain", "a", "b")
    first.send("plain", "later", scheduled=100)
    receiver = first.receive("plain", room=1)
    first.queue("plain").complete(receiver.token("a"))
    first.turn()
    first.send("plain", "not committed")
    first.close()

    second = Broker(data=tmp_path)
    assert [text(each) for each in second.queue("plain").peek(0, 10)] == ["b", "later"]
    assert second.send("plain", "c") == [4]
    reader = second.receive("plain", deletes=True)
    second.advance(100)
    assert reader.texts == ["b", "c", "later"]
    second.close()


def test_numbers_are_not_given_twice_when_all_messages_are_gone(tmp_path: Path) -> None:
    first = Broker(data=tmp_path)
    first.send("plain", "a")
    first.receive("plain", deletes=True)
    first.close()
    second = Broker(data=tmp_path)
    assert second.send("plain", "b") == [2]
    second.close()


def test_a_message_passes_through_byte_for_byte(broker: Broker) -> None:
    sent = message("x" * MAX_MESSAGE_SIZE, label="l", message_id="m", number=7)
    broker.queue("plain").send(sent)
    receiver = FakeReceiver()
    broker.queue("plain").attach(receiver)
    broker.turn()
    assert receiver.got[0][0].body == sent.body


def test_messages_that_came_back_are_taken_before_those_that_were_never_read(broker: Broker) -> None:
    queue = broker.queue("plain")
    broker.send("plain", *map(str, range(500)))
    receiver = broker.receive("plain", room=300)
    for each in ("7", "3", "299", "150"):
        queue.release(receiver.token(each))
    receiver.room = 300
    broker.runtime.wake(queue)
    broker.turn()
    assert receiver.texts[300:] == ["3", "7", "150", "299", *map(str, range(300, 500))]


@pytest.mark.verified("docs", feature="$management: sessions by the time of their state")
def test_a_folder_from_before_states_had_times_is_read_on(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.set_session_state(1, "old", b"s", 5)
    store.commit()
    store.close()
    with closing(sqlite3.connect(next(tmp_path.glob("*.sqlite3")))) as connection:
        connection.execute("ALTER TABLE session_states DROP COLUMN updated")
    store = Store(tmp_path)
    store.set_session_state(1, "new", b"s", 6)
    assert ["new", "old"] == store.sessions(1, 0, 10)
    assert ["new"] == store.sessions_updated(1, 5, 0, 10)
    store.close()
