"""Frames in pieces, connections on asyncio, and messages taken apart."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulators.amqp.frames import (
    AMQP_HEADER,
    HEARTBEAT,
    SASL,
    SASL_HEADER,
    Frame,
    FrameSplitter,
    ProtocolHeader,
    encode_frame,
)
from emulators.amqp.message import APPLICATION_PROPERTIES, DATA, MESSAGE_ANNOTATIONS, PROPERTIES, Message, split
from emulators.amqp.performatives import Begin, Close, End, Header, Open, Properties, SaslInit, Transfer
from emulators.amqp.protocol import AmqpProtocol
from emulators.amqp.values import DecodeError, Described, Symbol, ULong

STREAM = b"".join(
    [
        SASL_HEADER,
        encode_frame(0, SaslInit("ANONYMOUS"), kind=SASL),
        AMQP_HEADER,
        encode_frame(0, Open("c")),
        HEARTBEAT,
        encode_frame(1, Transfer(0, 0, b"t", 0), b"payload"),
    ]
)


@given(st.lists(st.integers(1, len(STREAM) - 1), max_size=8))
def test_pieces_make_the_same_frames(cuts: list[int]) -> None:
    splitter = FrameSplitter(65536)
    edges = [0, *sorted(cuts), len(STREAM)]
    found = [item for start, end in pairwise(edges) for item in splitter.feed(STREAM[start:end])]
    assert found == [
        ProtocolHeader(SASL_HEADER),
        Frame(SASL, 0, SaslInit("ANONYMOUS"), b""),
        ProtocolHeader(AMQP_HEADER),
        Frame(0, 0, Open("c"), b""),
        Frame(0, 0, None, b""),
        Frame(0, 1, Transfer(0, 0, b"t", 0), b"payload"),
    ]


@pytest.mark.parametrize(
    "wire",
    [
        "00000009 02 00 0000 99",  # no value
        "00000007 02 00 0000",  # smaller than its head
        "00000010 01 00 0000 0053104500000000",  # its body starts inside its head
        "00100000 02 00 0000",  # above the limit
        "474554202f2048545450",  # GET / HTTP
    ],
)
def test_what_is_no_frame_is_refused(wire: str) -> None:
    with pytest.raises(DecodeError):
        FrameSplitter(65536).feed(bytes.fromhex(wire))


class Recorder(AmqpProtocol):
    def __init__(self) -> None:
        super().__init__()
        self.received: asyncio.Queue[object] = asyncio.Queue()

    def header_received(self, header: bytes) -> None:
        self.received.put_nowait(header)

    def frame_received(self, frame: Frame) -> None:
        self.received.put_nowait(frame.body)

    def connection_ended(self, error: Exception | None) -> None:
        self.received.put_nowait(error)


class Beating(Recorder):
    def __init__(self) -> None:
        super().__init__()
        self.beaten = asyncio.Event()

    def send_bytes(self, data: bytes) -> None:
        super().send_bytes(data)
        if data == HEARTBEAT:
            self.beaten.set()


async def test_two_ends_of_a_connection_exchange_frames() -> None:
    loop = asyncio.get_running_loop()
    accepted = Recorder()
    listener = await loop.create_server(lambda: accepted, "127.0.0.1", 0)
    async with listener:
        _, client = await loop.create_connection(Beating, *listener.sockets[0].getsockname())
        client.send_bytes(AMQP_HEADER)
        client.send(0, Open("c"))
        client.start_heartbeats(0.001)
        await client.beaten.wait()
        # A heartbeat that is under way when the peer closes its socket would have it reset.
        client.start_heartbeats(60)
        client.send(0, Begin(None, 0, 5000, 5000))
        assert [await accepted.received.get() for _ in range(3)] == [AMQP_HEADER, Open("c"), Begin(None, 0, 5000, 5000)]
        accepted.send(1, End())
        accepted.send(0, Close())
        accepted.close()
        assert [await client.received.get() for _ in range(3)] == [End(), Close(), None]
        assert not client.connected
        client.send(0, Close())
        assert await accepted.received.get() is None


MESSAGE = Message(
    header=Header(ttl=1000),
    annotations={Symbol("x-opt-partition-key"): "p"},
    properties=Properties(message_id="m1", group_id="s"),
    application_properties={"a": "b", "n": 5},
    data=b"body" * 100,
)


def test_sections_are_found_without_decoding() -> None:
    raw = MESSAGE.encode()
    sections = split(raw)
    assert [section.code for section in sections] == [
        0x70,
        MESSAGE_ANNOTATIONS,
        PROPERTIES,
        APPLICATION_PROPERTIES,
        DATA,
    ]
    assert [section.start for section in sections] == [0, *(section.end for section in sections[:-1])]
    assert sections[-1].end == len(raw)
    assert Message.decode(raw) == MESSAGE


@pytest.mark.parametrize(
    "message",
    [
        Message(value={"operation": 1}),
        Message(value=None),
        Message(sequences=([1, 2], ["a"])),
        Message(data=b"", footer={Symbol("f"): 1}, delivery_annotations={Symbol("d"): True}),
    ],
)
def test_every_kind_of_body_survives(message: Message) -> None:
    assert Message.decode(message.encode()) == message


def test_several_data_sections_are_one_body() -> None:
    raw = bytes.fromhex("005375a00161 005375a00162")
    assert Message.decode(raw).data == b"ab"
    assert len(split(raw)) == 2


def test_descriptors_may_be_long() -> None:
    assert [section.code for section in split(bytes.fromhex("00 80 0000000000000075 a00161"))] == [DATA]


@pytest.mark.parametrize("wire", ["ff", "0053", "005375", "005375a005", "005310c00100", "005379a000", "00a30161a000"])
def test_what_is_no_message_is_refused(wire: str) -> None:
    with pytest.raises(DecodeError):
        split(bytes.fromhex(wire))


@given(st.binary(max_size=40))
def test_any_bytes_split_or_are_refused(data: bytes) -> None:
    try:
        sections = split(data)
    except DecodeError:
        return
    assert not sections or sections[-1].end == len(data)


def test_an_unknown_described_body_is_passed_through() -> None:
    message = Message(value=Described(ULong(0x137000000C), "x"))
    assert Message.decode(message.encode()) == message
