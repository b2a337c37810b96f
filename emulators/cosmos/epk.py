"""Effective partition keys: the hash that orders logical partitions, in hexadecimal.

Version 2 is the 128-bit MurmurHash3 of the encoded components; hierarchical keys join one hash per level.
Version 1 is the 32-bit hash as a number, followed by the truncated components themselves.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final

from emulators.cosmos.undefined import Undefined

Component = str | int | float | bool | None | Undefined

_MASK_64: Final = (1 << 64) - 1
_MASK_32: Final = (1 << 32) - 1
_V1_STRING_CHARACTERS: Final = 100


def hash_v2(components: Sequence[Component]) -> str:
    return _hash_128(b"".join(_encode(component, b"\xff") for component in components))


def hash_hierarchical(components: Sequence[Component]) -> str:
    return "".join(_hash_128(_encode(component, b"\xff")) for component in components)


def hash_v1(components: Sequence[Component]) -> str:
    short = [c[:_V1_STRING_CHARACTERS] if isinstance(c, str) else c for c in components]
    number = float(murmur3_32(b"".join(_encode(component, b"\x00") for component in short)))
    return b"".join(_sortable(component) for component in [number, *short]).hex().upper()


def _hash_128(data: bytes) -> str:
    low, high = murmur3_128(data)
    reverse = bytearray(struct.pack("<QQ", low, high)[::-1])
    reverse[0] &= 0x3F  # stays below the exclusive end "FF"
    return reverse.hex().upper()


def _encode(component: Component, string_end: bytes) -> bytes:
    match component:
        case Undefined():
            return b"\x00"
        case None:
            return b"\x01"
        case bool():
            return b"\x03" if component else b"\x02"
        case int() | float():
            return b"\x05" + struct.pack("<d", float(component))
        case str():
            return b"\x08" + component.encode() + string_end


def _sortable(component: Component) -> bytes:
    """The bytes of a component in version 1, which sort as the values do."""
    match component:
        case Undefined():
            return b"\x00"
        case None:
            return b"\x01"
        case bool():
            return b"\x03" if component else b"\x02"
        case int() | float():
            return b"\x05" + _sortable_number(float(component))
        case str():
            data = component.encode()
            whole = len(data) <= _V1_STRING_CHARACTERS
            shifted = bytes(min(byte + 1, 0xFF) for byte in data[: _V1_STRING_CHARACTERS + 1])
            return b"\x08" + shifted + (b"\x00" if whole else b"")


def _sortable_number(value: float) -> bytes:
    bits = struct.unpack("<Q", struct.pack("<d", value))[0]
    payload = bits ^ (1 << 63) if bits < 1 << 63 else (~bits + 1) & _MASK_64
    encoded = bytearray([payload >> 56])
    payload = payload << 8 & _MASK_64
    while payload:
        encoded.append(payload >> 56 | 1)  # seven bits, and a one: more follow
        payload = payload << 7 & _MASK_64
    if len(encoded) > 1:
        encoded[-1] &= 0xFE
    else:
        encoded.append(0)
    return bytes(encoded)


def _rotate_64(value: int, count: int) -> int:
    return (value << count | value >> 64 - count) & _MASK_64


def _finish_64(value: int) -> int:
    value ^= value >> 33
    value = value * 0xFF51AFD7ED558CCD & _MASK_64
    value ^= value >> 33
    value = value * 0xC4CEB9FE1A85EC53 & _MASK_64
    return value ^ value >> 33


def murmur3_128(data: bytes) -> tuple[int, int]:
    """MurmurHash3 for 64-bit machines, seed 0: the low and the high half."""
    c1, c2 = 0x87C37B91114253D5, 0x4CF5AD432745937F
    h1 = h2 = 0
    size = len(data)
    for position in range(0, size - 15, 16):
        k1, k2 = struct.unpack_from("<QQ", data, position)
        h1 ^= _rotate_64(k1 * c1 & _MASK_64, 31) * c2 & _MASK_64
        h1 = ((_rotate_64(h1, 27) + h2) * 5 + 0x52DCE729) & _MASK_64
        h2 ^= _rotate_64(k2 * c2 & _MASK_64, 33) * c1 & _MASK_64
        h2 = ((_rotate_64(h2, 31) + h1) * 5 + 0x38495AB5) & _MASK_64
    k1, k2 = struct.unpack("<QQ", data[size & ~15 :].ljust(16, b"\0"))
    h2 ^= _rotate_64(k2 * c2 & _MASK_64, 33) * c1 & _MASK_64
    h1 ^= _rotate_64(k1 * c1 & _MASK_64, 31) * c2 & _MASK_64
    h1 ^= size
    h2 ^= size
    h1 = (h1 + h2) & _MASK_64
    h2 = (h2 + h1) & _MASK_64
    h1, h2 = _finish_64(h1), _finish_64(h2)
    h1 = (h1 + h2) & _MASK_64
    return h1, (h2 + h1) & _MASK_64


def _rotate_32(value: int, count: int) -> int:
    return (value << count | value >> 32 - count) & _MASK_32


def murmur3_32(data: bytes) -> int:
    """MurmurHash3 with 32 bits, seed 0."""
    c1, c2 = 0xCC9E2D51, 0x1B873593
    h = 0
    size = len(data)
    for position in range(0, size - 3, 4):
        k = int.from_bytes(data[position : position + 4], "little") * c1 & _MASK_32
        h ^= _rotate_32(k, 15) * c2 & _MASK_32
        h = (_rotate_32(h, 13) * 5 + 0xE6546B64) & _MASK_32
    if tail := data[size & ~3 :]:
        k = int.from_bytes(tail, "little") * c1 & _MASK_32
        h ^= _rotate_32(k, 15) * c2 & _MASK_32
    h ^= size
    h ^= h >> 16
    h = h * 0x85EBCA6B & _MASK_32
    h ^= h >> 13
    h = h * 0xC2B2AE35 & _MASK_32
    return h ^ h >> 16
