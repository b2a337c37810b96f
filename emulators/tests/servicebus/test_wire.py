"""What .NET and JavaScript insist on, byte by byte. Their SDKs are not run here: a client of the tests acts for them.

Each rule was provoked against the real clients: broken, one of them fails or hangs.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from emulators.amqp.encoding import encode
from emulators.amqp.frames import AMQP_HEADER, SASL, SASL_HEADER
from emulators.amqp.message import DATA, Message, encode_section
from emulators.amqp.performatives import (
    Accepted,
    Attach,
    Begin,
    Close,
    Coordinator,
    Detach,
    Disposition,
    End,
    Error,
    Flow,
    Header,
    Modified,
    Open,
    Properties,
    Rejected,
    Released,
    SaslInit,
    SaslMechanisms,
    SaslOutcome,
    Source,
    Target,
    Transfer,
)
from emulators.amqp.values import Array, Described, Int, Symbol, Timestamp, UInt, ULong
from emulators.servicebus.faults import Effect, Fault
from emulators.servicebus.messages import BATCH_FORMAT, MAX_MESSAGE_SIZE
from emulators.servicebus.server import ServiceBusServer
from emulators.tests.servicebus.raw import RawClient

SESSION_FILTER = Symbol("com.microsoft:session-filter")
TIMEOUT = Symbol("com.microsoft:timeout")


def body(text: str = "hi", **properties: Any) -> bytes:
    return Message(properties=Properties(message_id="m", **properties), data=text.encode()).encode()


async def send(raw: RawClient, entity: str, *messages: bytes, handle: int = 8) -> None:
    await raw.sender(entity, handle=handle)
    for number, message in enumerate(messages):
        raw.transfer(message, number, handle=handle)
    for _ in messages:
        assert (await raw.expect(Disposition)).state == Accepted()


async def delivery(raw: RawClient) -> tuple[Transfer, Message]:
    frame = await raw.next()
    assert isinstance(frame.body, Transfer), frame
    return frame.body, Message.decode(frame.payload)


def settle(raw: RawClient, state: Any, first: int = 0, last: int | None = None, settled: bool = False) -> None:
    raw.send(0, Disposition(True, first, last, settled, state))


class TestConnection:
    @pytest.mark.verified(
        "trace", feature="Connection: SASL with MSSBCBS and ANONYMOUS, nothing before the client's turn"
    )
    async def test_sasl_and_open_step_by_step(self, server: ServiceBusServer) -> None:
        async with RawClient.to(server.port, opened=False) as client:
            client.send_bytes(SASL_HEADER)
            mechanisms = await client.expect(SaslMechanisms)
            assert client.headers == [SASL_HEADER]
            assert list(mechanisms.mechanisms) == ["MSSBCBS", "PLAIN", "ANONYMOUS", "EXTERNAL"]
            client.send(0, SaslInit("MSSBCBS"), kind=SASL)
            assert await client.expect(SaslOutcome) == SaslOutcome(0)
            client.send_bytes(AMQP_HEADER)
            client.send(0, Open("c", "localhost", 65536, 8191, 30000))
            opened = await client.expect(Open)
            assert client.headers == [SASL_HEADER, AMQP_HEADER]
            assert opened.max_frame_size == 65536
            assert opened.idle_time_out is not None
            assert opened.idle_time_out >= 5000
            client.send(0, Close())
            assert await client.expect(Close) == Close()

    @pytest.mark.verified("trace", feature="Connection: header, open and begin in one burst, with or without SASL")
    async def test_python_pipelines(self, server: ServiceBusServer) -> None:
        async with RawClient.to(server.port, opened=False) as client:
            client.send_bytes(AMQP_HEADER)
            client.send(0, Open("SBSender", "localhost", 1048576, 65535))
            client.send(1, Begin(None, 0, 65536, 65536, 4294967295))
            await client.expect(Open)
            frame = await client.next()
            assert frame.channel == 1
            assert frame.body == Begin(1, 0, 5000, 2147483647, 8191)

    @pytest.mark.verified("docs", feature="Connection: another protocol is answered with SASL and closed")
    async def test_another_protocol(self, server: ServiceBusServer) -> None:
        async with RawClient.to(server.port, opened=False) as client:
            client.send_bytes(b"AMQP\x00\x00\x09\x01")
            await client.ended()
            assert client.headers == [SASL_HEADER]

    @pytest.mark.verified("docs", feature="Connection: what is no AMQP is answered by close with amqp:decode-error")
    async def test_garbage(self, raw: RawClient) -> None:
        raw.send_bytes(b"GET / HTTP/1.1\r\n\r\n")
        error = (await raw.expect(Close)).error
        assert error is not None
        assert error.condition == "amqp:decode-error"
        assert error.info == {}
        await raw.ended()

    async def test_one_bad_client_harms_nobody(self, server: ServiceBusServer, raw: RawClient) -> None:
        async with RawClient.to(server.port) as bad:
            bad.send(0, Attach("x", 0, True, source=Source(7)))
            await bad.refused()
            # A flow whose credit is a text.
            bad.send_bytes(bytes.fromhex("0000001c 02 00 0000 005313 c01007 40 43 43 43 5201 43 a10568656c6c6f"))
            await bad.ended()
        await raw.quiet()

    @pytest.mark.verified("trace", feature="Connection: frames on ended channels are passed over")
    async def test_frames_after_end(self, raw: RawClient) -> None:
        await raw.begin(1)
        await raw.receiver("plain", channel=1)
        raw.send(1, End())
        assert isinstance((await raw.next()).body, End)
        raw.send(1, Detach(1, False))
        raw.send(1, Disposition(True, 0, None, False, Accepted()))
        raw.send(0, Detach(77, True))
        await raw.quiet()
        await raw.begin(1)  # the channel is free again

    @pytest.mark.verified("trace", feature="Connection: several channels, link handles of each its own")
    async def test_several_channels(self, raw: RawClient) -> None:
        for channel in (1, 2, 3):
            await raw.begin(channel)
            await raw.sender("plain", channel=channel)
        for channel in (1, 2, 3):
            # .NET begins at transfer 1 and delivery 0.
            raw.transfer(body(), 0, channel=channel)
            frame = await raw.next()
            assert frame.channel == channel
            assert frame.body == Disposition(True, 0, None, True, Accepted())


class TestCbs:
    @pytest.mark.verified("trace", feature="CBS: .NET, pre-settled with an empty tag, answered at its own address")
    async def test_dotnet(self, raw: RawClient) -> None:
        raw.attach_sender("$cbs", handle=0, snd_settle_mode=1, properties={TIMEOUT: UInt(9987)})
        attached = await raw.expect(Attach)
        assert attached.max_message_size
        await raw.expect(Flow)
        raw.attach_receiver("$cbs", handle=1, reply="fc1e8e62", snd_settle_mode=1)
        assert (await raw.expect(Attach)).initial_delivery_count == 0
        raw.credit(50)
        raw.transfer(self.token("id", "fc1e8e62"), settled=True)
        answer = await raw.answer()
        assert answer.properties.correlation_id == "id"
        assert answer.application_properties["status-code"] in (200, 202)
        assert type(answer.application_properties["status-code"]) is Int
        await raw.quiet()

    @pytest.mark.verified("trace", feature="CBS: JavaScript, whose reply-to is the name of a link without an address")
    async def test_javascript(self, raw: RawClient) -> None:
        raw.attach_sender("$cbs", handle=0)
        await raw.expect(Attach)
        await raw.expect(Flow)
        raw.send(0, Attach("cbs-42", 1, True, source=Source("$cbs"), target=Target()))
        await raw.expect(Attach)
        raw.credit(1)
        raw.transfer(self.token(UUID(int=7), "cbs-42"), 3)
        assert await raw.expect(Disposition) == Disposition(True, 3, None, True, Accepted())
        # The id comes back with its type.
        assert (await raw.answer()).properties.correlation_id == UUID(int=7)

    def token(self, message_id: Any, reply_to: str) -> bytes:
        properties = {"name": "amqp://localhost/q", "operation": "put-token", "type": "servicebus.windows.net:sastoken"}
        return Message(
            properties=Properties(message_id=message_id, reply_to=reply_to),
            application_properties={**properties, "expiration": Timestamp(1)},
            value="SharedAccessSignature sr=x",
        ).encode()


class TestAttach:
    @pytest.mark.verified("trace", feature="Links: addresses and settle modes come back as they were sent")
    @pytest.mark.parametrize("address", ["plain", "/plain", "PLAIN", "amqps://localhost:5672/plain", "/%70lain"])
    async def test_a_receiver(self, raw: RawClient, address: str) -> None:
        attached = await raw.receiver(address)
        assert attached.role is False
        assert attached.source == Source(address)
        assert attached.target == Target("")
        assert (attached.snd_settle_mode, attached.rcv_settle_mode) == (None, 1)
        assert attached.initial_delivery_count == 0

    @pytest.mark.verified("trace", feature="Links: addresses and settle modes come back as they were sent")
    @pytest.mark.parametrize("modes", [(None, None), (0, 1), (1, 0), (2, 0)])
    async def test_a_sender(self, raw: RawClient, modes: tuple[int | None, int | None]) -> None:
        raw.attach_sender("/plain", snd_settle_mode=modes[0], rcv_settle_mode=modes[1], max_message_size=0)
        attached = await raw.expect(Attach)
        assert (attached.snd_settle_mode, attached.rcv_settle_mode) == modes
        assert attached.target == Target("/plain")
        assert attached.max_message_size == MAX_MESSAGE_SIZE
        flow = await raw.expect(Flow)
        assert flow.link_credit == 1000

    @pytest.mark.verified("trace", feature="Links: a refusal names no source and no target, and detaches at once")
    @pytest.mark.parametrize(
        ("address", "condition"),
        [
            ("/nope", "amqp:not-found"),
            ("orders", "amqp:not-allowed"),
            ("events", "amqp:not-found"),
            ("nope/$management", "amqp:not-found"),
            ("plain/$transfer/$DeadLetterQueue", "amqp:not-implemented"),
        ],
    )
    async def test_a_refused_receiver(self, raw: RawClient, address: str, condition: str) -> None:
        raw.attach_receiver(address)
        error = (await raw.refused()).error
        assert error is not None
        assert error.condition == condition
        assert error.description
        assert error.info == {}
        raw.send(0, Detach(1, True))
        await raw.quiet()
        await raw.receiver("plain")  # the handle is free

    @pytest.mark.verified("docs", feature="Links: senders to subscriptions and dead letters are refused")
    @pytest.mark.parametrize("address", ["nope", "events/Subscriptions/all", "plain/$DeadLetterQueue"])
    async def test_a_refused_sender(self, raw: RawClient, address: str) -> None:
        raw.attach_sender(address)
        error = (await raw.refused()).error
        assert error is not None
        assert error.condition == "amqp:not-found"

    @pytest.mark.verified("docs", feature="Links: transactions, dynamic nodes and unknown filters are refused by name")
    @pytest.mark.parametrize(
        ("attach", "feature"),
        [
            (Attach("t", 0, False, source=Source(), target=Coordinator(), initial_delivery_count=0), "transactions"),
            (Attach("d", 0, True, source=Source(dynamic=True)), "dynamic nodes"),
            (Attach("f", 0, True, source=Source("plain", filter={Symbol("apache:x"): "y"})), "the filter apache:x"),
        ],
    )
    async def test_what_is_not_supported(self, raw: RawClient, attach: Attach, feature: str) -> None:
        raw.send(0, attach)
        error = (await raw.refused()).error
        assert error is not None
        assert error.condition == "amqp:not-implemented"
        assert feature in str(error.description)

    async def test_detach_is_answered(self, raw: RawClient) -> None:
        await raw.receiver("plain")
        raw.send(0, Detach(1, True))
        assert await raw.expect(Detach) == Detach(1, True)


class TestSending:
    @pytest.mark.verified("trace", feature="Sending: accepted by a settled disposition of the receiver")
    async def test_a_message_is_accepted(self, raw: RawClient) -> None:
        await raw.sender("plain")
        raw.transfer(body(), 5)
        assert await raw.expect(Disposition) == Disposition(True, 5, None, True, Accepted())

    @pytest.mark.verified("trace", feature="Sending: a pre-settled message is taken without a word")
    async def test_a_settled_message(self, raw: RawClient) -> None:
        await raw.sender("plain")
        raw.transfer(body("quiet"), settled=True)
        await raw.quiet()
        await raw.receiver("plain", 1)
        assert (await delivery(raw))[1].data == b"quiet"

    @pytest.mark.verified("trace", feature="Sending: more messages than the window, with credit topped up")
    async def test_more_than_the_window(self, server: ServiceBusServer, raw: RawClient) -> None:
        await raw.sender("plain")
        answered = flows = 0
        for number in range(6000):
            raw.transfer(body(), number)
            if number % 500 == 499:
                while answered <= number:
                    frame = await raw.next()
                    answered += isinstance(frame.body, Disposition)
                    flows += isinstance(frame.body, Flow)
        assert flows >= 12
        assert server.store.count(server.namespace.source("plain").number) == {0: 6000}

    @pytest.mark.verified("trace", feature="Sending: a message in several frames; settlement told by the last one")
    async def test_several_frames(self, raw: RawClient) -> None:
        await raw.sender("plain")
        message = body("x" * 100_000)
        raw.send_transfer(Transfer(0, 0, b"tag", 0, more=True), message[:60_000])
        raw.send_transfer(Transfer(0, more=True), message[60_000:90_000])
        raw.send_transfer(Transfer(0, more=False), message[90_000:])
        assert await raw.expect(Disposition) == Disposition(True, 0, None, True, Accepted())
        raw.send_transfer(Transfer(0, 1, b"tag", 0, more=True), message[:60_000])
        raw.send_transfer(Transfer(0, aborted=True), b"")
        raw.transfer(body("after"), 2)
        assert (await raw.expect(Disposition)).first == 2
        await raw.receiver("plain", 2)
        parts = []
        while True:
            frame = await raw.next()
            assert isinstance(frame.body, Transfer)
            parts.append(frame)
            if not frame.body.more:
                break
        assert len(parts) == 2
        assert parts[1].body.delivery_id is None
        assert Message.decode(b"".join(part.payload for part in parts)).data == b"x" * 100_000
        assert (await delivery(raw))[1].data == b"after"

    @pytest.mark.verified("docs", feature="Sending: a message above the limit is rejected")
    async def test_too_large(self, raw: RawClient) -> None:
        await raw.sender("plain")
        part = body("x" * 60_000)
        for number in range(6):
            raw.send_transfer(Transfer(0, 0, b"t", 0, more=number < 5), part)
        state = (await raw.expect(Disposition)).state
        assert isinstance(state, Rejected)
        assert state.error is not None
        assert state.error.condition == "amqp:link:message-size-exceeded"

    @pytest.mark.verified("trace", feature="Sending: batches of message format 0x80013700, of one and of many")
    @pytest.mark.parametrize("count", [1, 100])
    async def test_a_batch(self, raw: RawClient, count: int) -> None:
        envelope = encode(Properties(message_id="0"))
        batch = envelope + b"".join(encode_section(DATA, body(str(number))) for number in range(count))
        await raw.sender("plain")
        raw.transfer(batch, message_format=BATCH_FORMAT)
        assert (await raw.expect(Disposition)).state == Accepted()
        await raw.receiver("plain", count)
        assert [(await delivery(raw))[1].data for _ in range(count)] == [str(n).encode() for n in range(count)]

    @pytest.mark.verified("docs", feature="Sending: a batch is taken all or none")
    async def test_a_batch_that_does_not_fit_a_session_queue(self, server: ServiceBusServer, raw: RawClient) -> None:
        batch = b"".join(encode_section(DATA, body("x", group_id=session)) for session in ("A", None))
        await raw.sender("orders")
        raw.transfer(batch, message_format=BATCH_FORMAT)
        state = (await raw.expect(Disposition)).state
        assert isinstance(state, Rejected)
        assert server.store.count(server.namespace.source("orders").number) == {}

    @pytest.mark.verified("docs", feature="Sending: what is no message is rejected with all fields of the error")
    @pytest.mark.parametrize(
        "message",
        [b"", b"junk", encode(Header()) + b"\x00", encode_section(0x73, {}), encode(Properties(group_id="x"))[:-1]],
    )
    async def test_no_message(self, raw: RawClient, message: bytes) -> None:
        await raw.sender("plain")
        raw.transfer(message)
        state = (await raw.expect(Disposition)).state
        if message == b"":
            assert state == Accepted()  # an empty message is one
            return
        assert isinstance(state, Rejected)
        assert isinstance(state.error, Error)
        assert state.error.condition == "amqp:decode-error"
        assert state.error.info == {}


class TestDelivery:
    @pytest.mark.verified(
        "trace", feature="Receiving: header with a count of zero, annotations with exact types, GUID tags"
    )
    async def test_what_a_delivery_carries(self, raw: RawClient) -> None:
        sent = Message(
            header=Header(True, 3, 60_000),
            annotations={Symbol("x-opt-partition-key"): "p", Symbol("x-opt-sequence-number"): 99},
            properties=Properties(message_id=ULong(7), group_id="s"),
            application_properties={"a": Int(1)},
            data=b"hi",
        ).encode()
        await send(raw, "plain", sent)
        await raw.receiver("plain", 1)
        frame = await raw.next()
        assert isinstance(frame.body, Transfer)
        assert frame.body.delivery_tag is not None
        assert len(frame.body.delivery_tag) == 16
        assert not frame.body.settled
        # Written out in full: a count of 0 is not left away.
        assert frame.payload.startswith(bytes.fromhex("005370c00f05 41 5003 700000ea60 40 7000000000"))
        message = Message.decode(frame.payload)
        assert message.header == Header(True, 3, 60_000, None, 0)
        types = {key: type(value) for key, value in message.annotations.items()}
        assert types == {
            "x-opt-enqueued-time": Timestamp,
            "x-opt-sequence-number": int,
            "x-opt-locked-until": Timestamp,
            "x-opt-message-state": Int,
            "x-opt-partition-key": str,
        }
        assert message.annotations["x-opt-sequence-number"] == 1
        bare = frame.payload[frame.payload.index(b"\x00\x53\x73") :]
        assert sent.endswith(bare)

    @pytest.mark.verified("trace", feature="Receiving: never more transfers than credit, which is absolute")
    async def test_strict_credit(self, raw: RawClient) -> None:
        await send(raw, "plain", *[body(str(n)) for n in range(10)])
        await raw.receiver("plain", 3)
        for _ in range(3):
            await delivery(raw)
        await raw.quiet()
        raw.credit(5, count=1)  # two of these are used up
        for _ in range(3):
            await delivery(raw)
        await raw.quiet()

    @pytest.mark.verified("trace", feature="Receiving: drain is answered, also without any credit")
    @pytest.mark.parametrize(("waiting", "credit"), [(0, 4), (2, 4), (0, 0)])
    async def test_drain(self, raw: RawClient, waiting: int, credit: int) -> None:
        await send(raw, "plain", *[body()] * waiting)
        await raw.receiver("plain")
        raw.credit(credit, drain=True)
        for _ in range(waiting):
            await delivery(raw)
        flow = await raw.expect(Flow)
        assert (flow.handle, flow.delivery_count, flow.link_credit, flow.drain) == (1, credit, 0, True)
        await raw.quiet()

    @pytest.mark.verified("trace", feature="Receiving: the window of the channel holds deliveries back")
    async def test_the_clients_window_is_kept(self, raw: RawClient) -> None:
        await send(raw, "plain", *[body(str(n)) for n in range(5)])
        await raw.begin(1, window=2)
        await raw.receiver("plain", channel=1)
        raw.send(1, Flow(0, 2, 1, 5000, 1, 0, 10))
        assert [(await delivery(raw))[1].data for _ in range(2)] == [b"0", b"1"]
        await raw.quiet()
        raw.send(1, Flow(2, 3, 1, 5000))
        assert [(await delivery(raw))[1].data for _ in range(3)] == [b"2", b"3", b"4"]

    @pytest.mark.verified("trace", feature="Receiving: pre-settled deliveries are receive-and-delete")
    async def test_receive_and_delete(self, server: ServiceBusServer, raw: RawClient) -> None:
        await send(raw, "plain", body())
        attached = await raw.receiver("plain", 1, snd_settle_mode=1, rcv_settle_mode=0)
        assert attached.snd_settle_mode == 1
        transfer, message = await delivery(raw)
        assert transfer.settled
        assert "x-opt-locked-until" not in message.annotations
        assert server.store.count(server.namespace.source("plain").number) == {}


class TestSettlement:
    @pytest.mark.verified("trace", feature="Settlement: answered settled, with the outcome of the same type")
    @pytest.mark.parametrize(
        ("state", "answer", "left"),
        [
            (Accepted(), Accepted(), {}),
            (Modified(), Modified(), {0: 1}),
            (Modified(True, False), Modified(True, False), {0: 1}),
            (Modified(None, True), Modified(None, True), {1: 1}),
            (Rejected(), Rejected(), {}),
            (Rejected(Error("com.microsoft:dead-letter", "d", {Symbol("DeadLetterReason"): "r"})), Rejected(), {}),
        ],
    )
    async def test_outcomes(
        self, server: ServiceBusServer, raw: RawClient, state: Any, answer: Any, left: dict[int, int]
    ) -> None:
        await send(raw, "plain", body())
        await raw.receiver("plain", 1)
        await delivery(raw)
        settle(raw, state)
        assert await raw.expect(Disposition) == Disposition(False, 0, None, True, answer)
        await raw.quiet()
        assert server.store.count(server.namespace.source("plain").number) == left
        dead = server.store.count(server.namespace.source("plain/$deadletterqueue").number)
        assert dead == ({0: 1} if isinstance(state, Rejected) else {})

    @pytest.mark.verified("trace", feature="Settlement: a range of deliveries at once")
    async def test_a_range(self, server: ServiceBusServer, raw: RawClient) -> None:
        await send(raw, "plain", *[body()] * 4)
        await raw.receiver("plain", 4)
        for _ in range(4):
            await delivery(raw)
        settle(raw, Accepted(), 0, 2)
        settled: set[int] = set()
        while len(settled) < 3:
            answer = await raw.expect(Disposition)
            assert answer.settled
            assert answer.state == Accepted()
            settled |= set(range(answer.first, (answer.last or answer.first) + 1))
        assert settled == {0, 1, 2}
        settle(raw, Accepted(), 0, 4_294_967_295)
        assert (await raw.expect(Disposition)).first == 3
        assert server.store.count(server.namespace.source("plain").number) == {}

    @pytest.mark.verified("trace", feature="Settlement: released messages come again in their place, uncounted")
    async def test_released(self, raw: RawClient) -> None:
        await send(raw, "plain", body("1"), body("2"), body("3"))
        await raw.receiver("plain", 2)
        await delivery(raw)
        await delivery(raw)
        settle(raw, Released(), 1, settled=True)
        settle(raw, Released(), 0, settled=True)
        await raw.quiet()
        raw.credit(3, count=2)
        again = [await delivery(raw) for _ in range(3)]
        assert [message.data for _, message in again] == [b"1", b"2", b"3"]
        assert {message.header and message.header.delivery_count for _, message in again} == {0}

    @pytest.mark.verified("trace", feature="Settlement: a lost lock is rejected with com.microsoft:message-lock-lost")
    async def test_a_lost_lock(self, server: ServiceBusServer, raw: RawClient) -> None:
        await send(raw, "plain", body())
        await raw.receiver("plain", 1)
        await delivery(raw)
        server.advance(31)
        settle(raw, Accepted())
        answer = await raw.expect(Disposition)
        assert answer.settled
        assert isinstance(answer.state, Rejected)
        assert answer.state.error is not None
        assert answer.state.error.condition == "com.microsoft:message-lock-lost"
        assert server.store.count(server.namespace.source("plain").number) == {0: 1}

    @pytest.mark.verified("docs", feature="Settlement: properties to modify, on abandon, defer and dead-letter")
    async def test_properties_to_modify(self, raw: RawClient) -> None:
        await send(raw, "plain", body())
        await raw.receiver("plain", 1)
        await delivery(raw)
        settle(raw, Modified(message_annotations={Symbol("seen"): Int(1)}))
        await raw.expect(Disposition)
        raw.credit(1, count=1)
        _, message = await delivery(raw)
        assert message.application_properties == {"seen": 1}
        assert message.header is not None
        assert message.header.delivery_count == 1


@pytest.mark.verified("docs", feature="Faults: connections lost before and after a message is stored")
class TestFaults:
    @pytest.mark.parametrize(("effect", "left"), [(Effect.DROP, {}), (Effect.LOSE_ANSWER, {0: 2})])
    async def test_while_sending(
        self, server: ServiceBusServer, raw: RawClient, effect: Effect, left: dict[int, int]
    ) -> None:
        server.faults.add(Fault(effect, kinds=frozenset({"send"}), entity="plain", skip=1))
        await raw.sender("plain")
        raw.transfer(body("1"), 0)
        raw.transfer(body("2"), 1)
        await raw.ended()
        # The first message came in the same turn: what was not answered may have been stored or not.
        found = server.store.count(server.namespace.source("plain").number)
        assert found in (left, {0: 1})
        assert server.faults.struck() == 1
        async with RawClient.to(server.port) as again:
            await send(again, "plain", body("3"))

    @pytest.mark.parametrize(("effect", "left"), [(Effect.DROP, {0: 1}), (Effect.LOSE_ANSWER, {})])
    async def test_while_completing(
        self, server: ServiceBusServer, raw: RawClient, effect: Effect, left: dict[int, int]
    ) -> None:
        await send(raw, "plain", body())
        await raw.receiver("plain", 1)
        await delivery(raw)
        server.faults.add(Fault(effect, kinds=frozenset({"settle"})))
        settle(raw, Accepted())
        await raw.ended()
        assert server.store.count(server.namespace.source("plain").number) == left

    async def test_an_operation_is_refused(self, server: ServiceBusServer, raw: RawClient) -> None:
        server.faults.add(Fault(Effect.REFUSE, kinds=frozenset({"request"})))
        await raw.management("plain")
        peek = {"from-sequence-number": 0, "message-count": Int(1)}
        raw.request("peek-message", peek)
        assert (await raw.answer()).application_properties["errorCondition"] == "com.microsoft:server-busy"
        raw.request("peek-message", peek)
        assert (await raw.answer()).application_properties["statusCode"] == 204


class TestSessions:
    @pytest.mark.verified("trace", feature="Sessions: the answer names the session, undescribed, and ticks as a long")
    @pytest.mark.parametrize("wanted", ["A", None, Described(ULong(0x137000000C), "A")])
    async def test_the_answer(self, raw: RawClient, wanted: Any) -> None:
        await send(raw, "orders", body(group_id="A"))
        raw.attach_receiver("/orders", filter={SESSION_FILTER: wanted}, properties={TIMEOUT: UInt(59900)})
        attached = await raw.expect(Attach)
        assert attached.source is not None
        assert attached.source.filter == {SESSION_FILTER: "A"}
        assert type(attached.source.filter[SESSION_FILTER]) is str
        assert attached.source.address == "/orders"
        assert attached.properties is not None
        ticks = attached.properties[Symbol("com.microsoft:locked-until-utc")]
        assert type(ticks) is int
        assert 638_000_000_000_000_000 < ticks < 700_000_000_000_000_000

    @pytest.mark.verified("trace", feature="Sessions: one that is held cannot be accepted")
    async def test_a_held_session(self, raw: RawClient) -> None:
        await raw.receiver("orders", handle=1, filter={SESSION_FILTER: "A"})
        raw.attach_receiver("orders", handle=2, filter={SESSION_FILTER: "A"})
        error = (await raw.refused()).error
        assert error is not None
        assert error.condition == "com.microsoft:session-cannot-be-locked"

    @pytest.mark.verified("trace", feature="Sessions: waiting for one ends with com.microsoft:timeout")
    async def test_waiting_ends(self, server: ServiceBusServer, raw: RawClient) -> None:
        raw.attach_receiver("orders", filter={SESSION_FILTER: None}, properties={TIMEOUT: UInt(5000)})
        await raw.quiet()
        server.advance(5)
        error = (await raw.refused()).error
        assert error is not None
        assert error.condition == "com.microsoft:timeout"

    @pytest.mark.verified("trace", feature="Sessions: a waiting attach is never answered after its end")
    @pytest.mark.parametrize("end", ["detach", "end", "socket"])
    async def test_nobody_waits_any_more(self, server: ServiceBusServer, raw: RawClient, end: str) -> None:
        async with RawClient.to(server.port) as waiting:
            await waiting.begin(1)
            waiting.attach_receiver("orders", channel=1, filter={SESSION_FILTER: None})
            await waiting.quiet()
            if end == "detach":
                waiting.send(1, Detach(1, True))
                await waiting.expect(Detach)
            elif end == "end":
                waiting.send(1, End())
                await waiting.expect(End)
            else:
                waiting.abort()
                await waiting.ended()
            await send(raw, "orders", body(group_id="A"))
            if end != "socket":
                await waiting.quiet()
            await raw.receiver("orders", filter={SESSION_FILTER: None})  # it is there for another

    @pytest.mark.verified("trace", feature="Sessions: free at once when the socket of the holder is gone")
    async def test_a_killed_client(self, server: ServiceBusServer, raw: RawClient) -> None:
        await send(raw, "orders", body("1", group_id="A"), body("2", group_id="A"))
        async with RawClient.to(server.port) as killed:
            await killed.receiver("orders", 2, filter={SESSION_FILTER: "A"})
            await delivery(killed)
            await delivery(killed)
            killed.abort()
            await killed.ended()
        raw.attach_receiver("orders", filter={SESSION_FILTER: None})
        await raw.expect(Attach)
        raw.credit(2)
        again = [(await delivery(raw))[1] for _ in range(2)]
        assert [(each.data, each.header and each.header.delivery_count) for each in again] == [(b"1", 0), (b"2", 0)]

    @pytest.mark.verified(
        "trace", feature="Sessions: an expired lock gives messages back counted, and tells the holder"
    )
    async def test_a_lost_session(self, server: ServiceBusServer, raw: RawClient) -> None:
        await send(raw, "orders", body(group_id="A"))
        await raw.receiver("orders", 1, filter={SESSION_FILTER: "A"})
        await delivery(raw)
        server.advance(31)
        detached = await raw.expect(Detach)
        assert detached.closed
        assert detached.error is not None
        assert detached.error.condition == "com.microsoft:session-lock-lost"
        raw.send(0, Detach(1, True))
        settle(raw, Accepted())
        await raw.quiet()
        raw.attach_receiver("orders", filter={SESSION_FILTER: "A"})
        await raw.expect(Attach)
        raw.credit(1)
        _, message = await delivery(raw)
        assert message.header is not None
        assert message.header.delivery_count == 1

    @pytest.mark.verified("trace", feature="Sessions: eight processors work off twenty sessions in order")
    async def test_processors(self, raw: RawClient) -> None:
        """As the Functions host does it: a channel per session, one credit at a time, the next one when none comes."""
        sessions, each = 20, 10
        messages = [body(str(n), group_id=f"s{s}") for n in range(each) for s in range(sessions)]
        await send(raw, "orders", *messages)
        got: dict[str, list[bytes]] = {}
        for channel in range(1, 9):
            await raw.begin(channel)
        for channel in range(1, 9):
            raw.attach_receiver("orders", channel=channel, filter={SESSION_FILTER: None})
        done = 0
        while done < sessions * each:
            frame = await raw.next()
            match frame.body:
                case Attach(source=Source(filter=filters)):
                    raw.credit(1, channel=frame.channel)
                    assert filters is not None
                    assert filters[SESSION_FILTER] not in got
                    got[filters[SESSION_FILTER]] = []
                case Transfer(delivery_id=number):
                    message = Message.decode(frame.payload)
                    got[str(message.properties.group_id)].append(message.data or b"")
                    raw.send(frame.channel, Disposition(True, number or 0, None, False, Accepted()))
                    done += 1
                    count = len(got[str(message.properties.group_id)])
                    if count == each:
                        raw.send(frame.channel, Detach(1, True))
                    else:
                        raw.credit(1, count=count, channel=frame.channel)
                case Detach():
                    raw.attach_receiver("orders", channel=frame.channel, filter={SESSION_FILTER: None})
        assert got == {f"s{s}": [str(n).encode() for n in range(each)] for s in range(sessions)}


class TestManagement:
    @pytest.mark.verified("trace", feature="$management: status as an int, condition as a symbol, keys as strings")
    async def test_the_types_of_an_answer(self, raw: RawClient) -> None:
        await raw.management("plain")
        raw.request("renew-lock", {"lock-tokens": Array(0x98, [UUID(int=1)])})
        frame = await raw.next()
        assert isinstance(frame.body, Transfer)
        assert frame.body.settled
        # Constructors: int 0x71, symbol 0xa3.
        assert encode("statusCode") + bytes.fromhex("71 0000019a") in frame.payload
        assert encode("errorCondition") + encode(Symbol("com.microsoft:message-lock-lost")) in frame.payload
        answer = Message.decode(frame.payload)
        assert answer.properties.correlation_id == "request-0"
        assert answer.value is None
        await raw.quiet()

    @pytest.mark.verified("trace", feature="$management: renewing message locks")
    async def test_renew_lock(self, raw: RawClient) -> None:
        await send(raw, "plain", body(), body())
        await raw.receiver("plain", 2)
        tokens = [UUID(bytes_le=(await delivery(raw))[0].delivery_tag) for _ in range(2)]
        await raw.management("plain")
        raw.request("renew-lock", {"lock-tokens": Array(0x98, tokens)})
        answer = await raw.answer()
        assert answer.application_properties == {"statusCode": 200, "statusDescription": "OK"}
        assert isinstance(answer.value["expirations"], Array)
        assert [type(each) for each in answer.value["expirations"]] == [Timestamp, Timestamp]

    @pytest.mark.verified("trace", feature="$management: peeking, 204 when there is nothing")
    async def test_peek(self, raw: RawClient) -> None:
        await raw.management("plain")
        raw.request("peek-message", {"from-sequence-number": 0, "message-count": Int(5)})
        answer = await raw.answer()
        assert (answer.application_properties["statusCode"], answer.value) == (204, None)
        await send(raw, "plain", body("1"), body("2"))
        raw.request("peek-message", {"from-sequence-number": 2, "message-count": Int(5)}, number=1)
        (found,) = (await raw.answer()).value["messages"]
        assert Message.decode(found["message"]).data == b"2"

    @pytest.mark.verified("trace", feature="$management: receiving deferred messages, and settling by token")
    @pytest.mark.parametrize(
        ("status", "left"), [("completed", {}), ("abandoned", {1: 1}), ("defered", {1: 1}), ("suspended", {})]
    )
    async def test_update_disposition(
        self, server: ServiceBusServer, raw: RawClient, status: str, left: dict[int, int]
    ) -> None:
        await send(raw, "plain", body())
        await raw.receiver("plain", 1)
        await delivery(raw)
        settle(raw, Modified(undeliverable_here=True))
        await raw.expect(Disposition)
        await raw.management("plain")
        numbers = Array(0x81, [1])
        raw.request("receive-by-sequence-number", {"sequence-numbers": numbers, "receiver-settle-mode": UInt(1)})
        (found,) = (await raw.answer()).value["messages"]
        assert isinstance(found["lock-token"], UUID)
        change = {"disposition-status": status, "lock-tokens": Array(0x98, [found["lock-token"]])}
        raw.request("update-disposition", {**change, "deadletter-reason": "r"}, number=1)
        assert (await raw.answer()).application_properties["statusCode"] == 200
        assert server.store.count(server.namespace.source("plain").number) == left
        raw.request("update-disposition", change, number=2)
        assert (await raw.answer()).application_properties["statusCode"] == 410

    @pytest.mark.verified("docs", feature="$management: an unknown number is 404")
    async def test_an_unknown_number(self, raw: RawClient) -> None:
        await raw.management("plain")
        raw.request("receive-by-sequence-number", {"sequence-numbers": Array(0x81, [7])})
        answer = await raw.answer()
        assert answer.application_properties["statusCode"] == 404
        assert answer.application_properties["errorCondition"] == "com.microsoft:message-not-found"

    @pytest.mark.verified("trace", feature="$management: scheduling and cancelling")
    async def test_schedule(self, server: ServiceBusServer, raw: RawClient) -> None:
        await raw.management("events")
        due = Timestamp(int(server.clock.now() * 1000) + 60_000)
        message = Message(annotations={Symbol("x-opt-scheduled-enqueue-time"): due}, data=b"x").encode()
        raw.request("schedule-message", {"messages": [{"message": message, "message-id": "1"}] * 2})
        numbers = (await raw.answer()).value["sequence-numbers"]
        assert isinstance(numbers, Array)
        assert numbers.constructor in (0x81, 0x55)
        raw.request("cancel-scheduled-message", {"sequence-numbers": Array(0x81, numbers[:1])}, number=1)
        assert (await raw.answer()).application_properties["statusCode"] == 200
        server.advance(60)
        assert server.store.count(server.namespace.source("events/subscriptions/all").number) == {0: 1}

    @pytest.mark.verified("trace", feature="$management: session state, lock and list")
    async def test_sessions(self, server: ServiceBusServer, raw: RawClient) -> None:
        await raw.receiver("orders", filter={SESSION_FILTER: "A"})
        await raw.management("orders")

        async def ask(operation: str, request: Any) -> Message:
            raw.request(operation, request)
            return await raw.answer()

        assert (await ask("get-session-state", {"session-id": "A"})).value == {"session-state": None}
        assert (await ask("set-session-state", {"session-id": "A", "session-state": b"s"})).value == {}
        assert (await ask("get-session-state", {"session-id": "A"})).value == {"session-state": b"s"}
        assert type((await ask("renew-session-lock", {"session-id": "A"})).value["expiration"]) is Timestamp
        listing = {"last-updated-time": Timestamp(253402300800000), "skip": Int(0), "top": Int(100)}
        assert list((await ask("get-message-sessions", listing)).value["sessions-ids"]) == ["A"]
        assert (await ask("get-message-sessions", {**listing, "skip": Int(1)})).application_properties[
            "statusCode"
        ] == 204
        lost = await ask("renew-session-lock", {"session-id": "B"})
        assert lost.application_properties["statusCode"] == 410
        assert lost.application_properties["errorCondition"] == "com.microsoft:session-lock-lost"

    @pytest.mark.verified("docs", feature="$management: sessions by the time of their state")
    async def test_sessions_without_a_time_or_with_no_state(self, server: ServiceBusServer, raw: RawClient) -> None:
        await raw.receiver("orders", filter={SESSION_FILTER: "A"})
        await raw.management("orders")

        async def listed(**request: Any) -> list[str]:
            raw.request("get-message-sessions", {"skip": Int(0), "top": Int(100), **request})
            answer = await raw.answer()
            return list(answer.value["sessions-ids"]) if answer.value else []

        raw.request("set-session-state", {"session-id": "A", "session-state": b"s"})
        await raw.answer()
        set_at = Timestamp(int(server.clock.now() * 1000))
        assert await listed() == ["A"]
        assert await listed(**{"last-updated-time": Timestamp(set_at - 60_000)}) == ["A"]
        assert await listed(**{"last-updated-time": Timestamp(253402300799999)}) == []
        raw.request("set-session-state", {"session-id": "A", "session-state": None})
        await raw.answer()
        assert await listed(**{"last-updated-time": Timestamp(0)}) == await listed() == []

    @pytest.mark.verified("docs", feature="$management: a field that is not read is 501, by name")
    @pytest.mark.parametrize(
        ("operation", "body"),
        [
            ("peek-message", {"from-sequence-number": 0, "message-count": Int(1), "omit-message-body": True}),
            ("get-message-sessions", {"skip": Int(0), "top": Int(1), "newer": Int(1)}),
            ("enumerate-rules", {"skip": Int(0), "top": Int(1), "newer": "x"}),
            ("renew-lock", {"lock-tokens": Array(0x98, []), "newer": Int(0)}),
        ],
    )
    async def test_an_unread_field(self, raw: RawClient, operation: str, body: dict[str, Any]) -> None:
        await raw.management("events/Subscriptions/all" if operation == "enumerate-rules" else "orders")
        raw.request(operation, body)
        answer = await raw.answer()
        assert answer.application_properties["statusCode"] == 501
        assert list(body)[-1] in answer.application_properties["statusDescription"]

    @pytest.mark.verified("docs", feature="$management: rules are added, listed and removed")
    async def test_rules(self, raw: RawClient) -> None:
        await raw.management("events/Subscriptions/all")

        async def ask(operation: str, request: Any) -> Message:
            raw.request(operation, request)
            return await raw.answer()

        sql = {"rule-name": "sql", "rule-description": {"sql-filter": {"expression": "n = 1"}}}
        correlation = {"correlation-filter": {"label": "a", "to": None, "properties": {"p": Int(1)}}}
        assert (await ask("add-rule", sql)).application_properties["statusCode"] == 200
        assert (await ask("add-rule", sql)).application_properties["statusCode"] == 409
        assert (await ask("add-rule", {"rule-name": "c", "rule-description": correlation})).application_properties[
            "statusCode"
        ] == 200
        assert (await ask("remove-rule", {"rule-name": "$Default"})).application_properties["statusCode"] == 200
        assert (await ask("remove-rule", {"rule-name": "$Default"})).application_properties["statusCode"] == 404
        rules = (await ask("enumerate-rules", {"top": Int(100), "skip": Int(0)})).value["rules"]
        described = [rule["rule-description"] for rule in rules]
        assert [rule.descriptor for rule in described] == [ULong(0x13700000004)] * 2
        assert [rule.value[0].descriptor for rule in described] == [ULong(0x1370000006), ULong(0x1370000009)]
        assert [rule.value[2] for rule in described] == ["sql", "c"]
        bad = {"rule-name": "bad", "rule-description": {"sql-filter": {"expression": "n ="}}}
        assert (await ask("add-rule", bad)).application_properties["statusCode"] == 400
        acting = {**sql["rule-description"], "sql-rule-action": {"expression": "SET a = 1"}}  # type: ignore[dict-item]
        refused = await ask("add-rule", {"rule-name": "act", "rule-description": acting})
        assert refused.application_properties["statusCode"] == 501

    @pytest.mark.verified("docs", feature="$management: an operation that is not supported is 501, by name")
    async def test_unknown_operations(self, raw: RawClient) -> None:
        await raw.management("plain")
        raw.request("batch-delete-messages", {})
        answer = await raw.answer()
        assert answer.application_properties["statusCode"] == 501
        assert answer.application_properties["errorCondition"] == "amqp:not-implemented"
        assert "batch-delete-messages" in answer.application_properties["statusDescription"]

    @pytest.mark.verified("docs", feature="$management: a request that makes no sense is 400")
    @pytest.mark.parametrize(
        ("operation", "request_body"),
        [
            ("renew-lock", {}),
            ("renew-lock", {"lock-tokens": ["no uuid"]}),
            ("renew-lock", None),
            ("peek-message", {"from-sequence-number": "x", "message-count": 1}),
            ("schedule-message", {"messages": [{"message": b"junk"}]}),
            ("schedule-message", {"messages": [{"message": body()}]}),
            ("update-disposition", {"disposition-status": "completed"}),
        ],
    )
    async def test_bad_requests(self, raw: RawClient, operation: str, request_body: Any) -> None:
        await raw.management("plain")
        raw.request(operation, request_body)
        answer = await raw.answer()
        assert answer.application_properties["statusCode"] == 400
        assert operation in answer.application_properties["statusDescription"] or operation == "schedule-message"

    @pytest.mark.verified("docs", feature="$management: dead letters of a queue")
    async def test_dead_letters(self, raw: RawClient) -> None:
        await raw.management("plain/$DeadLetterQueue")
        raw.request("peek-message", {"from-sequence-number": 0, "message-count": Int(1)})
        assert (await raw.answer()).application_properties["statusCode"] == 204
