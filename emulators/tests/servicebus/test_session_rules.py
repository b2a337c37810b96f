"""The rules of sessions, without a server and with a clock that the tests move."""

from __future__ import annotations

import pytest

from emulators.servicebus.errors import ServiceBusError
from emulators.tests.servicebus.pure import Broker, message, text


@pytest.mark.verified("docs", feature="Sessions: a message without a session id is refused")
def test_a_message_needs_a_session(broker: Broker) -> None:
    with pytest.raises(ServiceBusError, match="requires sessions") as refusal:
        broker.send("orders", "a")
    assert refusal.value.condition == "amqp:not-allowed"


@pytest.mark.verified("docs", feature="Sessions: one receiver gets the messages of one session, in order")
def test_a_session_gives_its_own_messages_in_order(broker: Broker) -> None:
    for number, session in enumerate("ABAB"):
        broker.send("orders", f"{session}{number}", session=session)
    holder = broker.accept("orders", "B")
    assert holder.receiver.texts == ["B1", "B3"]
    broker.send("orders", "B4", session="B")
    broker.turn()
    assert holder.receiver.texts == ["B1", "B3", "B4"]


@pytest.mark.verified("docs", feature="Sessions: the next available one is that with the oldest message")
def test_the_next_session_is_the_one_that_waits_longest(broker: Broker) -> None:
    broker.send("orders", "1", session="B")
    broker.send("orders", "2", session="A")
    broker.send("orders", "3", session="B")
    accepted = [broker.accept_next("orders") for _ in range(3)]
    assert [holder.accepted() for holder in accepted] == ["B", "A", None]


@pytest.mark.verified("docs", feature="Sessions: whoever waits for one gets it as soon as a message comes")
def test_a_waiter_gets_the_session_of_the_next_message(broker: Broker) -> None:
    holder = broker.accept_next("orders")
    assert holder.accepted() is None
    broker.send("orders", "1", session="A")
    broker.turn()
    assert holder.accepted() == "A"


@pytest.mark.verified("docs", feature="Sessions: waiting for one ends with com.microsoft:timeout")
def test_a_waiter_is_refused_after_its_time(broker: Broker) -> None:
    holder = broker.accept_next("orders", seconds=5)
    broker.advance(4.9)
    refused_early = holder.refused
    broker.advance(0.1)
    assert refused_early is None
    assert holder.refused is not None
    assert holder.refused.condition == "com.microsoft:timeout"
    broker.send("orders", "1", session="A")
    broker.turn()
    assert holder.session is None


def test_a_waiter_that_left_gets_nothing(broker: Broker) -> None:
    gone, waiting = broker.accept_next("orders"), broker.accept_next("orders")
    broker.sessions("orders").stop_waiting(gone)
    broker.send("orders", "1", session="A")
    broker.turn()
    assert gone.session is None
    assert waiting.session is not None


@pytest.mark.verified("docs", feature="Sessions: one that is held cannot be accepted")
def test_a_held_session_is_refused(broker: Broker) -> None:
    broker.accept("orders", "A")
    with pytest.raises(ServiceBusError, match="locked by another receiver") as refusal:
        broker.accept("orders", "A")
    assert refusal.value.condition == "com.microsoft:session-cannot-be-locked"


@pytest.mark.verified("docs", feature="Sessions: closing gives messages back uncounted, and the session to the next")
def test_closing_gives_everything_back(broker: Broker) -> None:
    broker.send("orders", "1", "2", "3", session="A")
    first = broker.accept("orders", "A", room=2)
    waiting = broker.accept_next("orders")
    assert first.session is not None
    broker.queue("orders").complete(first.receiver.token("1"))
    broker.sessions("orders").unlock(first.session)
    broker.turn()
    assert waiting.session is not None
    broker.sessions("orders").wants(waiting.session)
    broker.turn()
    assert waiting.receiver.texts == ["2", "3"]
    assert {each.delivery_count for each, _ in waiting.receiver.got} == {0}


@pytest.mark.verified("docs", feature="Sessions: an expired lock gives messages back counted, and tells the holder")
def test_an_expired_session_counts_what_was_handed_out(broker: Broker) -> None:
    broker.send("orders", "1", "2", session="A")
    slow = broker.accept("orders", "A", room=1)
    broker.advance(30)
    assert slow.lost is not None
    assert slow.lost.condition == "com.microsoft:session-lock-lost"
    with pytest.raises(ServiceBusError, match="lock supplied is invalid"):
        broker.queue("orders").complete(slow.receiver.token("1"))
    quick = broker.accept("orders", "A")
    assert [(text(each), each.delivery_count) for each, _ in quick.receiver.got] == [("1", 1), ("2", 0)]


@pytest.mark.verified("docs", feature="Sessions: renewing the lock renews it for the messages")
def test_a_renewed_session_keeps_its_messages(broker: Broker) -> None:
    broker.send("orders", "1", session="A")
    holder = broker.accept("orders", "A")
    broker.advance(20)
    assert broker.sessions("orders").renew("A") == broker.runtime.now() + 30_000
    broker.advance(20)
    broker.queue("orders").complete(holder.receiver.token("1"))
    lost_early = holder.lost
    broker.advance(10)
    assert lost_early is None
    assert holder.lost is not None
    with pytest.raises(ServiceBusError, match="session lock has expired"):
        broker.sessions("orders").renew("A")


@pytest.mark.verified("docs", feature="Sessions: an abandoned message comes before the later ones of its session")
def test_an_abandoned_message_comes_again_first(broker: Broker) -> None:
    broker.send("orders", "1", "2", "3", session="A")
    holder = broker.accept("orders", "A", room=1)
    broker.queue("orders").abandon(holder.receiver.token("1"))
    holder.receiver.room = 3
    assert holder.session is not None
    broker.sessions("orders").wants(holder.session)
    broker.turn()
    assert holder.receiver.texts == ["1", "1", "2", "3"]


@pytest.mark.verified("docs", feature="Sessions: a poisonous message becomes a dead letter and the session goes on")
def test_a_dead_letter_frees_its_session(broker: Broker) -> None:
    broker.send("orders", "1", "2", session="A")
    for _ in range(3):
        slow = broker.accept("orders", "A", room=1)
        broker.advance(30)
        assert slow.lost is not None
    assert [text(each) for each in broker.dead_letters("orders")] == ["1"]
    assert broker.accept("orders", "A").receiver.texts == ["2"]


@pytest.mark.verified("docs", feature="Sessions: deferred messages are received by the holder alone")
def test_deferred_messages_of_a_session(broker: Broker) -> None:
    broker.send("orders", "1", "2", session="A")
    queue = broker.queue("orders")
    holder = broker.accept("orders", "A")
    queue.defer(holder.receiver.token("1"))
    with pytest.raises(ServiceBusError, match="session lock has expired"):
        queue.receive_deferred([1], delete=False, session="B")
    (received,) = queue.receive_deferred([1], delete=False, session="A")
    assert holder.session is not None
    broker.sessions("orders").unlock(holder.session)
    broker.turn()
    again = broker.accept("orders", "A")
    assert again.receiver.texts == ["2"], "a deferred message that was locked stays deferred"
    (received,) = queue.receive_deferred([1], delete=False, session="A")
    assert received.lock is not None
    queue.complete(received.lock.token)


def test_a_session_whose_messages_expired_is_not_available(broker: Broker) -> None:
    broker.send("orders", "1", session="A", ttl=1_000)
    broker.send("orders", "2", session="B")
    broker.advance(1)
    holder = broker.accept_next("orders")
    assert holder.accepted() == "B"


def test_a_session_whose_first_message_expired_takes_the_place_of_its_second(broker: Broker) -> None:
    broker.send("orders", "1", session="A", ttl=1_000)
    broker.send("orders", "2", session="B")
    broker.send("orders", "3", session="A")
    broker.advance(1)
    assert [broker.accept_next("orders").accepted() for _ in range(2)] == ["B", "A"]


@pytest.mark.verified("docs", feature="Topics: a subscription with sessions")
def test_subscriptions_with_sessions(broker: Broker) -> None:
    broker.topic("events").send(message("1", session="A"))
    holder = broker.accept_next("events/Subscriptions/sessions")
    assert holder.accepted() == "A"
