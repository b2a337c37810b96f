"""Values and performatives: every type survives the wire, and the bytes are those that real peers exchanged."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulators.amqp.decoding import decode
from emulators.amqp.encoding import encode
from emulators.amqp.frames import HEARTBEAT, SASL, encode_frame
from emulators.amqp.performatives import (
    Accepted,
    Attach,
    Begin,
    Detach,
    Disposition,
    Error,
    Flow,
    Header,
    Modified,
    Open,
    Properties,
    Rejected,
    SaslMechanisms,
    SaslOutcome,
    Source,
    Transfer,
)
from emulators.amqp.values import (
    Array,
    Byte,
    Char,
    Decimal,
    DecodeError,
    Described,
    Float,
    Int,
    Short,
    Symbol,
    Timestamp,
    UByte,
    UInt,
    ULong,
    UShort,
)

TOKEN = UUID("00112233-4455-6677-8899-aabbccddeeff")


def _bits(count: int, type_: type[int], signed: bool = False) -> st.SearchStrategy[int]:
    low, high = (-(1 << count - 1), (1 << count - 1) - 1) if signed else (0, (1 << count) - 1)
    return st.integers(low, high).map(type_)


HASHABLE = st.one_of(
    st.none(),
    st.booleans(),
    _bits(8, UByte),
    _bits(16, UShort),
    _bits(32, UInt),
    _bits(64, ULong),
    _bits(8, Byte, signed=True),
    _bits(16, Short, signed=True),
    _bits(32, Int, signed=True),
    _bits(64, int, signed=True),
    _bits(63, Timestamp),
    st.floats(allow_nan=False),
    st.floats(allow_nan=False, width=32).map(Float),
    st.uuids(),
    st.binary(max_size=300),
    st.text(max_size=300),
    st.text(st.characters(max_codepoint=127), max_size=300).map(Symbol),
    st.characters(exclude_categories=["Cs"]).map(Char),
    st.binary(min_size=8, max_size=8).map(Decimal),
)
VALUES = st.recursive(
    HASHABLE,
    lambda inner: st.one_of(
        st.lists(inner, max_size=6),
        st.dictionaries(HASHABLE, inner, max_size=6),
        st.builds(
            Described, st.text(max_size=4).map(lambda text: Symbol(text.encode("ascii", "ignore").decode())), inner
        ),
        st.lists(st.uuids(), max_size=300).map(lambda items: Array(0x98, items)),
        st.lists(st.text(max_size=4), max_size=6).map(lambda items: Array(0xB1, items)),
    ),
    max_leaves=20,
)


def same(one: Any, other: Any) -> bool:
    """Equal in value and, all the way down, in type: True is no 1 here, and an Int no UInt."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return same(list(one.items()), list(other.items()))
    if isinstance(one, Array) and one.constructor != other.constructor:
        return False
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, Described):
        return same(one.descriptor, other.descriptor) and same(one.value, other.value)
    return bool(one == other)


@given(VALUES)
def test_every_value_comes_back_with_its_type(value: Any) -> None:
    data = encode(value)
    found, end = decode(data)
    assert end == len(data)
    assert same(found, value)


@given(VALUES, st.data())
def test_no_cut_value_passes_as_a_whole_one(value: Any, draw: st.DataObject) -> None:
    data = encode(value)
    cut = draw.draw(st.integers(0, len(data) - 1))
    with pytest.raises(DecodeError):
        decode(data[:cut])


@given(st.binary(max_size=60))
def test_any_bytes_decode_or_are_refused(data: bytes) -> None:
    try:
        _, end = decode(data)
    except DecodeError:
        return
    assert end <= len(data)


def test_an_array_of_items_without_bytes_costs_no_memory() -> None:
    with pytest.raises(DecodeError, match="an array of 4294967295 items"):
        decode(bytes.fromhex("f0 00000005 ffffffff 40"))


def test_nesting_without_end_is_refused() -> None:
    with pytest.raises(DecodeError):
        decode(b"\x00" * 100_000)


@pytest.mark.parametrize(
    ("value", "wire"),
    [
        (UInt(0), "43"),
        (UInt(255), "52ff"),
        (UInt(256), "7000000100"),
        (ULong(0), "44"),
        (ULong(1 << 32), "800000000100000000"),
        (Int(200), "71000000c8"),
        (7, "810000000000000007"),
        (TOKEN, "9800112233445566778899aabbccddeeff"),
        (Symbol("a"), "a30161"),
        ([], "45"),
        ({}, "c10100"),
        (Array(0x83, [Timestamp(1)]), "e00a01830000000000000001"),
        (Accepted(), "00532445"),
        (Rejected(), "00532545"),
        (Modified(True, False), "005327c0030241 42".replace(" ", "")),
        (Header(delivery_count=0), "005370c0060540404040 43".replace(" ", "")),
    ],
)
def test_the_shortest_form_is_written(value: Any, wire: str) -> None:
    assert wire == encode(value).hex()


def test_longer_forms_of_a_descriptor_are_read() -> None:
    assert decode(bytes.fromhex("00 80 0000000000000024 45"))[0] == Accepted()
    assert decode(bytes.fromhex("00 a30d 616d71703a61636365707465643a 45".replace("a30d", "a30e")))[0] == Described(
        Symbol("amqp:accepted:"), []
    )


def test_an_int_as_a_plain_field_is_written_in_the_fields_type() -> None:
    attach = Attach("n", 3, True, 0, 1, Source("q"), None, initial_delivery_count=0, max_message_size=1048576)
    found = decode(encode(attach))[0]
    assert found == attach
    assert type(found.handle) is UInt
    assert type(found.max_message_size) is ULong


def test_a_message_id_keeps_its_type_in_the_properties() -> None:
    for message_id in (TOKEN, "text", b"bytes", ULong(7)):
        found = decode(encode(Properties(message_id=message_id, group_id="s")))[0]
        assert same(found.message_id, message_id)


MECHANISMS = """
00000033 02 01 0000 005340 c02601 e02304a3 07 4d535342434253 05 504c41494e 09 414e4f4e594d4f5553 08 45585445524e414c
"""

# Frames that real peers exchanged with a broker that both official SDKs accepted.


@pytest.mark.parametrize(
    ("frame", "wire"),
    [
        (
            encode_frame(
                0,
                SaslMechanisms(
                    Array(0xA3, [Symbol("MSSBCBS"), Symbol("PLAIN"), Symbol("ANONYMOUS"), Symbol("EXTERNAL")])
                ),
                kind=SASL,
            ),
            MECHANISMS,
        ),
        (encode_frame(0, SaslOutcome(0), kind=SASL), "00000010 02 01 0000 005344 c00301 5000"),
        (HEARTBEAT, "00000008 02 00 0000"),
        (
            encode_frame(0, Open("emulator", None, 65536, 8191, 240000)),
            "00000026 02 00 0000 005310 c01905 a108656d756c61746f72 40 7000010000 601fff 700003a980",
        ),
        (
            encode_frame(1, Begin(1, 0, 5000, 5000, 255)),
            "0000001e 02 00 0001 005311 c01105 600001 43 7000001388 7000001388 52ff",
        ),
        (
            encode_frame(1, Attach("L1", 3, False, 0, 1, initial_delivery_count=0)),
            "0000001e 02 00 0001 005312 c0110a a1024c31 5203 42 5000 5001 40 40 40 40 43",
        ),
        (
            encode_frame(1, Detach(3, True, Error("amqp:not-found", "x", {}))),
            "0000002d 02 00 0001 005316 c02003 5203 41 00531d c01703 a30e616d71703a6e6f742d666f756e64 a10178 c10100",
        ),
        (
            encode_frame(1, Disposition(False, 7, None, True, Accepted())),
            "00000017 02 00 0001 005315 c00a05 42 5207 40 41 005324 45",
        ),
        (
            encode_frame(1, Flow(1, 5000, 12, 5000, 0, 16, 0, None, True)),
            "00000022 02 00 0001 005313 c01509 5201 7000001388 520c 7000001388 43 5210 43 40 41",
        ),
    ],
)
def test_frames_are_those_of_the_wire(frame: bytes, wire: str) -> None:
    assert bytes.fromhex(wire) == frame


def test_a_transfer_carries_its_payload_behind_the_performative() -> None:
    transfer = Transfer(0, 1, TOKEN.bytes_le, 0, False)
    wire = "00000027 02 00 0001 005314 c01805 43 5201 a010 33221100554477668899aabbccddeeff 43 42 6869"
    assert bytes.fromhex(wire) == encode_frame(1, transfer, b"hi")
