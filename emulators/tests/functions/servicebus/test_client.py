"""The AMQP client against a scripted broker: what goes over the wire, and what happens when it does not."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from emulators.amqp.performatives import (
    Attach,
    Begin,
    Close,
    Detach,
    Disposition,
    End,
    Error,
    Flow,
    Modified,
    Open,
    Rejected,
    Released,
    SaslInit,
)
from emulators.amqp.values import Array, Timestamp
from emulators.functions.servicebus.client import ServiceBusClient, shared_access_signature
from emulators.functions.servicebus.connection import Connection
from emulators.functions.servicebus.errors import BusError, BusUnavailableError, LockLostError, NoSessionError
from emulators.functions.servicebus.namespace import Namespace
from emulators.functions.servicebus.receiver import ABANDON, COMPLETE, SESSION_FILTER, Receiver
from emulators.tests.functions.apps import eventually
from emulators.tests.functions.servicebus.messages import TOKEN
from emulators.tests.functions.servicebus.peer import Peer, ScriptedBroker


@asynccontextmanager
async def connected(broker: ScriptedBroker, try_timeout: float = 5.0) -> AsyncIterator[ServiceBusClient]:
    client = ServiceBusClient(broker.namespace, try_timeout)
    try:
        yield client
    finally:
        await client.close()


@pytest.fixture
async def broker() -> AsyncIterator[ScriptedBroker]:
    async with ScriptedBroker().listening() as listening:
        yield listening


@pytest.fixture
async def client(broker: ScriptedBroker) -> AsyncIterator[ServiceBusClient]:
    async with connected(broker) as made:
        yield made


class TestConnection:
    @pytest.mark.verified("trace", feature="Service Bus client: one connection, an AMQP session per link")
    async def test_all_receivers_share_a_connection_and_have_a_session_each(
        self, broker: ScriptedBroker, client: ServiceBusClient
    ) -> None:
        await asyncio.gather(*(client.open_receiver(entity) for entity in ("a", "b", "a")))
        assert 1 == len(broker.peers) == len(broker.of(Open))
        assert 3 == len({link.channel for link in broker.entity_links()})
        # And one for the tokens, of which each entity takes one.
        assert 4 == len(broker.of(Begin))

    @pytest.mark.verified("trace", feature="Service Bus client: one connection, an AMQP session per link")
    async def test_it_opens_and_attaches_as_dotnet_does(self, broker: ScriptedBroker, client: ServiceBusClient) -> None:
        await client.open_receiver("topic/Subscriptions/audit")
        (init,), (opened,), (link,) = broker.of(SaslInit), broker.of(Open), broker.entity_links()
        assert ("MSSBCBS", "127.0.0.1") == (init.body.mechanism, opened.body.hostname)
        assert (65536, 8191, 30000) == (
            opened.body.max_frame_size,
            opened.body.channel_max,
            opened.body.idle_time_out,
        )
        assert ("/topic/Subscriptions/audit", {}) == (link.body.source.address, link.body.source.filter)
        assert (None, 1) == (link.body.snd_settle_mode, link.body.rcv_settle_mode)

    @pytest.mark.verified("trace", feature="Service Bus client: channels are used again")
    async def test_the_channel_of_a_closed_receiver_is_used_again(
        self, broker: ScriptedBroker, client: ServiceBusClient
    ) -> None:
        for _ in range(5):
            receiver = await client.open_receiver("a")
            receiver.close()
            # The round trip of another link, behind which the answer to the end has arrived.
            (await client.open_receiver("b")).close()
        assert len({link.channel for link in broker.entity_links()}) <= 4

    @pytest.mark.verified("docs", feature="Service Bus client: the broker is away")
    async def test_nobody_listening_is_an_error_that_names_the_address(self, unused_tcp_port: int) -> None:
        client = ServiceBusClient(Namespace("127.0.0.1", unused_tcp_port, "k", "a2V5"), 5)
        with pytest.raises(BusUnavailableError, match=f"cannot connect to 127.0.0.1:{unused_tcp_port}"):
            await client.open_receiver("a")
        await client.close()

    @pytest.mark.verified("docs", feature="Service Bus client: the broker is away")
    async def test_a_broker_that_does_not_answer_is_given_up(self) -> None:
        async with ScriptedBroker(mute=True).listening() as broker, connected(broker, 0.2) as client:
            with pytest.raises(BusUnavailableError, match=r"no answer from .* in 0.2 s"):
                await client.open_receiver("a")

    @pytest.mark.verified("trace", feature="Service Bus client: SASL")
    @pytest.mark.parametrize(
        ("broker", "complaint"),
        [
            (ScriptedBroker(mechanisms=["PLAIN"]), "offers no SASL of"),
            (ScriptedBroker(sasl_code=1), "refused SASL with code 1"),
        ],
    )
    async def test_a_broker_that_refuses_sasl_is_an_error(self, broker: ScriptedBroker, complaint: str) -> None:
        async with broker.listening(), connected(broker) as client:
            with pytest.raises(BusUnavailableError, match=complaint):
                await client.open_receiver("a")

    @pytest.mark.verified("docs", feature="Service Bus client: reconnects")
    async def test_a_broken_connection_ends_its_receivers_and_the_next_one_opens_another(
        self, broker: ScriptedBroker, client: ServiceBusClient
    ) -> None:
        receiver = await client.open_receiver("a")
        waiting = asyncio.create_task(receiver.receive())
        await asyncio.sleep(0)
        broker.peers[0].abort()
        with pytest.raises(BusUnavailableError, match="the connection to the broker broke"):
            await waiting
        assert not receiver.live
        again = await client.open_receiver("a")
        assert (True, 2) == (again.live, len(broker.peers))

    @pytest.mark.verified("docs", feature="Service Bus client: reconnects")
    async def test_a_connection_that_the_broker_closes_says_why(
        self, broker: ScriptedBroker, client: ServiceBusClient
    ) -> None:
        receiver = await client.open_receiver("a")
        broker.peers[0].send(0, Close(Error("amqp:connection:forced", "going down", {})))
        with pytest.raises(BusError, match="going down"):
            await receiver.receive(5)

    @pytest.mark.verified("docs", feature="Service Bus client: heartbeats")
    async def test_a_silent_broker_is_taken_for_dead(
        self, broker: ScriptedBroker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("emulators.functions.servicebus.connection._IDLE_MS", 200)
        async with connected(broker) as client:
            receiver = await client.open_receiver("a")
            with pytest.raises(BusUnavailableError, match="silent"):
                await receiver.receive(5)

    @pytest.mark.verified("docs", feature="Service Bus client: closes in order")
    async def test_closing_ends_sessions_and_the_connection_before_it_returns(self, broker: ScriptedBroker) -> None:
        async with connected(broker) as client:
            await client.open_receiver("a")
        assert 1 == len(broker.of(Close))
        assert len(broker.of(Begin)) == len(broker.of(End))

    @pytest.mark.verified("docs", feature="Service Bus client: closes in order")
    async def test_a_connection_that_was_never_made_needs_no_closing(self) -> None:
        await ServiceBusClient(Namespace("127.0.0.1", 1, "k", "a2V5"), 5).close()

    @pytest.mark.verified("docs", feature="Service Bus client: hostile brokers")
    async def test_what_is_no_amqp_ends_the_connection(self, broker: ScriptedBroker, client: ServiceBusClient) -> None:
        receiver = await client.open_receiver("a")
        broker.peers[0].send_bytes(b"\x00\x00\x00\x01garbage")
        with pytest.raises(BusUnavailableError, match="no AMQP"):
            await receiver.receive(5)

    @pytest.mark.verified("docs", feature="Service Bus client: hostile brokers")
    async def test_frames_for_unknown_channels_and_handles_are_ignored(
        self, broker: ScriptedBroker, client: ServiceBusClient
    ) -> None:
        receiver = await client.open_receiver("a")
        peer, channel = broker.peers[0], broker.entity_links()[0].channel
        peer.deliver(77)
        peer.deliver(channel, handle=9)
        peer.send(channel, Disposition(role=False, first=5, last=9, settled=True))
        receiver.ask(1)
        number = peer.deliver(channel)
        found = await receiver.receive(5)
        assert found is not None
        assert number == found.id

    @pytest.mark.verified("trace", feature="Service Bus client: tokens")
    def test_the_signature_is_that_of_the_documentation(self) -> None:
        namespace = Namespace("localhost", 5672, "RootManageSharedAccessKey", "SAS_KEY_VALUE")
        assert shared_access_signature(namespace, "amqp://localhost/q", 1) == (
            "SharedAccessSignature sr=amqp%3A%2F%2Flocalhost%2Fq"
            # printf 'amqp%3A%2F%2Flocalhost%2Fq\n1' | openssl dgst -sha256 -hmac SAS_KEY_VALUE -binary | base64
            "&sig=Zpuw7UX3qFNf52hD2pkRVUljUIxO8UJ%2BYi6I1OnOn3k%3D&se=1&skn=RootManageSharedAccessKey"
        )


class TestReceiving:
    @pytest.mark.verified("trace", feature="Service Bus client: credit")
    async def test_it_gets_what_it_asks_for_and_no_more(self, broker: ScriptedBroker, client: ServiceBusClient) -> None:
        receiver = await client.open_receiver("a")
        assert not broker.of(Flow) or all(flow.body.handle == 1 for flow in broker.of(Flow))
        receiver.ask(2)
        await eventually(lambda: credits_of(broker), "credit arrives")
        peer, channel = broker.peers[0], broker.entity_links()[0].channel
        peer.deliver(channel, b"1")
        assert await receiver.receive(5) is not None
        receiver.ask(3)
        await eventually(lambda: len(credits_of(broker)) == 2, "credit arrives")
        # Absolute: two, of which one is used, and three more on top of one delivery.
        assert [(0, 2), (1, 4)] == credits_of(broker)

    @pytest.mark.verified("trace", feature="Service Bus client: messages in several frames")
    async def test_a_message_in_several_frames_is_put_together(
        self, broker: ScriptedBroker, client: ServiceBusClient
    ) -> None:
        receiver = await client.open_receiver("a")
        receiver.ask(1)
        body = bytes(range(256)) * 1000
        broker.peers[0].deliver(broker.entity_links()[0].channel, body, frame_size=10_000)
        found = await receiver.receive(5)
        assert found is not None
        assert body in found.payload
        assert TOKEN == found.lock_token

    @pytest.mark.verified("docs", feature="Service Bus client: credit")
    async def test_nothing_in_time_is_none_and_stop_ends_the_wait(self, client: ServiceBusClient) -> None:
        receiver = await client.open_receiver("a")
        receiver.ask(1)
        assert await receiver.receive(0.01) is None
        waiting = asyncio.create_task(receiver.receive())
        await asyncio.sleep(0)
        receiver.stop()
        assert await waiting is None
        assert await receiver.receive() is None

    @pytest.mark.verified("trace", feature="Service Bus client: drain")
    async def test_draining_takes_the_credit_back(self, broker: ScriptedBroker, client: ServiceBusClient) -> None:
        receiver = await client.open_receiver("a")
        receiver.ask(10)
        await receiver.drain()
        receiver.ask(1)
        await eventually(lambda: len(credits_of(broker)) == 3, "credit arrives")
        assert [(0, 10), (0, 10), (10, 1)] == credits_of(broker)

    @pytest.mark.verified("docs", feature="Service Bus client: drain")
    async def test_who_drains_at_the_same_time_waits_for_the_same_answer(self, broker: ScriptedBroker) -> None:
        async with connected(broker, 60) as client:
            receiver = await client.open_receiver("a")
            receiver.ask(10)
            draining = asyncio.gather(receiver.drain(), receiver.drain(), return_exceptions=True)
            await asyncio.sleep(0)
            broker.peers[0].abort()
            assert [BusUnavailableError] * 2 == [type(each) for each in await draining]

    @pytest.mark.verified("trace", feature="Service Bus client: refused links")
    @pytest.mark.parametrize(
        ("condition", "kind"),
        [
            ("amqp:not-found", BusError),
            ("amqp:not-allowed", BusError),
            ("com.microsoft:timeout", NoSessionError),
        ],
    )
    async def test_a_refused_link_says_why_and_leaves_nothing_behind(
        self, broker: ScriptedBroker, client: ServiceBusClient, condition: str, kind: type[BusError]
    ) -> None:
        broker.on_attach = lambda peer, channel, attach: peer.refuse(channel, attach, condition, "no such thing")
        with pytest.raises(kind, match="no such thing") as raised:
            await client.open_receiver("a")
        assert condition == raised.value.condition
        await eventually(lambda: broker.of(End), "the session is ended")

    @pytest.mark.verified("docs", feature="Service Bus client: refused links")
    async def test_a_broker_that_never_attaches_is_given_up(self, broker: ScriptedBroker) -> None:
        broker.on_attach = lambda peer, channel, attach: None
        async with connected(broker, 0.1) as client:
            with pytest.raises(BusUnavailableError, match="did not attach a"):
                await client.open_receiver("a")


def credits_of(broker: ScriptedBroker) -> list[tuple[int, int]]:
    """Delivery count and credit of each flow on the entity's link."""
    channels = {link.channel for link in broker.entity_links()}
    flows = [flow.body for flow in broker.of(Flow) if flow.channel in channels]
    return [(flow.delivery_count, flow.link_credit) for flow in flows]


class TestSessions:
    @pytest.mark.verified("trace", feature="Service Bus client: next available session")
    async def test_the_next_session_is_asked_for_with_a_null_filter_and_a_timeout(
        self, broker: ScriptedBroker, client: ServiceBusClient
    ) -> None:
        broker.on_attach = lambda peer, channel, attach: peer.accept(channel, attach, "S", 1795418644.5)
        receiver = await client.accept_next_session("a", 2.5)
        assert ("S", 1795418644.5) == (receiver.session_id, receiver.locked_until)
        (link,) = broker.entity_links()
        assert {SESSION_FILTER: None} == link.body.source.filter
        assert 2500 == link.body.properties["com.microsoft:timeout"]

    @pytest.mark.verified("trace", feature="Service Bus client: next available session")
    async def test_giving_up_while_the_broker_holds_the_attach_ends_that_session_only(
        self, broker: ScriptedBroker, client: ServiceBusClient
    ) -> None:
        broker.on_attach = lambda peer, channel, attach: None
        accepting = asyncio.create_task(client.accept_next_session("a", 60))
        await eventually(broker.entity_links, "it asks")
        accepting.cancel()
        with suppress(asyncio.CancelledError):
            await accepting
        await eventually(lambda: broker.of(End), "it takes the question back")
        assert broker.entity_links()[0].channel == broker.of(End)[0].channel
        broker.on_attach = Peer.accept
        assert (await client.open_receiver("b")).live

    @pytest.mark.verified("trace", feature="Service Bus client: lost session locks")
    async def test_a_lost_session_lock_ends_receiving_and_settling(
        self, broker: ScriptedBroker, client: ServiceBusClient
    ) -> None:
        broker.on_attach = lambda peer, channel, attach: peer.accept(channel, attach, "S")
        receiver = await client.accept_next_session("a", 5)
        receiver.ask(1)
        peer, channel = broker.peers[0], broker.entity_links()[0].channel
        peer.deliver(channel)
        found = await receiver.receive(5)
        assert found is not None
        peer.detach(channel, 0, "com.microsoft:session-lock-lost", "the lock expired")
        with pytest.raises(LockLostError, match="the lock expired"):
            await receiver.receive(5)
        with pytest.raises(LockLostError, match="the lock expired"):
            await receiver.settle(found, COMPLETE)
        # The detach is answered, and the session ended.
        await eventually(lambda: broker.of(Detach) and broker.of(End), "the link is left")


class TestSettling:
    async def one(self, broker: ScriptedBroker, client: ServiceBusClient) -> tuple[Receiver, Any]:
        receiver = await client.open_receiver("a")
        receiver.ask(1)
        broker.peers[0].deliver(broker.entity_links()[0].channel)
        found = await receiver.receive(5)
        assert found is not None
        return receiver, found

    @pytest.mark.verified("trace", feature="Service Bus client: settlement")
    async def test_the_next_message_is_asked_for_in_the_same_breath(
        self, broker: ScriptedBroker, client: ServiceBusClient
    ) -> None:
        receiver, found = await self.one(broker, client)
        await receiver.settle(found, COMPLETE, ask=1)
        kinds = [type(each.body) for each in broker.seen[-2:]]
        assert [Disposition, Flow] == kinds
        assert [(0, 1), (1, 1)] == credits_of(broker)

    @pytest.mark.verified("trace", feature="Service Bus client: settlement")
    async def test_an_abandoned_message_is_modified_with_nothing_said(
        self, broker: ScriptedBroker, client: ServiceBusClient
    ) -> None:
        receiver, found = await self.one(broker, client)
        await receiver.settle(found, ABANDON)
        (disposition,) = broker.of(Disposition)
        assert (False, Modified()) == (disposition.body.settled, disposition.body.state)

    @pytest.mark.verified("trace", feature="Service Bus client: settlement")
    async def test_a_lost_lock_is_said(self, broker: ScriptedBroker, client: ServiceBusClient) -> None:
        rejected = Rejected(Error("com.microsoft:message-lock-lost", "The lock supplied is invalid.", {}))
        broker.on_disposition = lambda peer, channel, said: peer.settle(channel, said, rejected)
        receiver, found = await self.one(broker, client)
        with pytest.raises(LockLostError, match="The lock supplied is invalid"):
            await receiver.settle(found, COMPLETE)
        assert receiver.live

    @pytest.mark.verified("docs", feature="Service Bus client: settlement")
    async def test_no_answer_is_an_error_in_time(self, broker: ScriptedBroker) -> None:
        broker.on_disposition = lambda peer, channel, said: None
        async with connected(broker, 0.2) as client:
            receiver, found = await self.one(broker, client)
            with pytest.raises(BusUnavailableError, match="did not confirm a settlement"):
                await receiver.settle(found, COMPLETE)

    @pytest.mark.verified("trace", feature="Service Bus client: settlement")
    async def test_one_disposition_may_confirm_many(self, broker: ScriptedBroker, client: ServiceBusClient) -> None:
        broker.on_disposition = lambda peer, channel, said: None
        receiver = await client.open_receiver("a")
        receiver.ask(3)
        peer, channel = broker.peers[0], broker.entity_links()[0].channel
        for _ in range(3):
            peer.deliver(channel)
        found = [await receiver.receive(5) for _ in range(3)]
        settling = asyncio.gather(*(receiver.settle(each, COMPLETE) for each in found if each))
        await eventually(lambda: len(broker.of(Disposition)) == 3, "all are settled")
        peer.send(channel, Disposition(role=False, first=0, last=2, settled=True, state=COMPLETE))
        await settling

    @pytest.mark.verified("trace", feature="Service Bus client: surplus messages are released")
    async def test_what_is_given_back_is_released_and_settled(
        self, broker: ScriptedBroker, client: ServiceBusClient
    ) -> None:
        receiver, found = await self.one(broker, client)
        receiver.give_back([found])
        await eventually(lambda: broker.of(Disposition), "it is given back")
        (disposition,) = broker.of(Disposition)
        assert (True, Released()) == (disposition.body.settled, disposition.body.state)


class TestLocks:
    @pytest.mark.verified("trace", feature="Service Bus client: lock renewal")
    async def test_locks_are_renewed_at_the_management_node(
        self, broker: ScriptedBroker, client: ServiceBusClient
    ) -> None:
        asked = []

        def manage(node: str, operation: str, body: Any) -> tuple[int, Any]:
            asked.append((node, operation, body))
            if operation == "com.microsoft:renew-lock":
                return 200, {"expirations": Array(0x83, [Timestamp(5_000)])}
            return 200, {"expiration": Timestamp(7_500)}

        broker.manage = manage
        assert (5.0, 7.5) == (
            await client.renew_message_lock("a", TOKEN),
            await client.renew_session_lock("a", "S"),
        )
        assert [
            ("a/$management", "com.microsoft:renew-lock", {"lock-tokens": [TOKEN]}),
            ("a/$management", "com.microsoft:renew-session-lock", {"session-id": "S"}),
        ] == asked
        # Both over one pair of links.
        assert 4 == len(broker.of(Attach))

    @pytest.mark.verified("trace", feature="Service Bus client: lock renewal")
    async def test_410_is_a_lost_lock_and_other_statuses_are_not(
        self, broker: ScriptedBroker, client: ServiceBusClient
    ) -> None:
        broker.manage = lambda node, operation, body: (410, None)
        with pytest.raises(LockLostError, match="said so"):
            await client.renew_session_lock("a", "S")
        broker.manage = lambda node, operation, body: (503, None)
        with pytest.raises(BusUnavailableError, match="said so"):
            await client.renew_session_lock("a", "S")

    @pytest.mark.verified("trace", feature="Service Bus client: settlement without a link")
    async def test_a_message_is_settled_by_its_token(self, broker: ScriptedBroker, client: ServiceBusClient) -> None:
        asked = []

        def manage(node: str, operation: str, body: Any) -> tuple[int, Any]:
            asked.append((operation, body))
            return 200, {}

        broker.manage = manage
        await client.settle_by_token("a", TOKEN, complete=True)
        await client.settle_by_token("a", TOKEN, complete=False)
        assert ["completed", "abandoned"] == [body["disposition-status"] for _, body in asked]
        assert {"com.microsoft:update-disposition"} == {operation for operation, _ in asked}


async def test_a_connection_can_be_opened_alone(broker: ScriptedBroker) -> None:
    connection = await Connection.open("127.0.0.1", broker.port, 5)
    assert connection.connected
    await connection.shut()
    assert not connection.connected
