"""The binary form of batches that the .NET SDK uses: HybridRow rows in RecordIO framing.

A stream begins with a segment row, then every record is a header row (length and CRC-32) and its body. Only the rows of
batch operations and their results are known here, by the schema numbers that the SDK publishes.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import Any, Final

from emulators.cosmos.errors import bad_request

_VERSION: Final = 0x81
_SEGMENT: Final = 2147473648
_RECORD: Final = 2147473649
_OPERATION: Final = 2145473648
_RESULT: Final = 2145473649

# Types of sparse columns.
_FALSE, _TRUE, _INT32, _UINT32, _FLOAT64, _UTF8, _BINARY = 2, 3, 7, 11, 16, 20, 21

# The columns of an operation in the order of its schema; sparse columns name them by position.
_COLUMNS: Final = (
    "",
    "operationType",
    "resourceType",
    "partitionKey",
    "effectivePartitionKey",
    "id",
    "binaryId",
    "resourceBody",
    "indexingDirective",
    "ifMatch",
    "ifNoneMatch",
    "timeToLiveInSeconds",
    "minimalReturnPreference",
)
_VARIABLE: Final = ("partitionKey", "effectivePartitionKey", "id", "binaryId", "resourceBody")
_TEXTS: Final = frozenset({"partitionKey", "id"})
_KINDS: Final = {0: "Create", 1: "Patch", 2: "Read", 4: "Delete", 5: "Replace", 20: "Upsert"}
_RETRY_AFTER_COLUMN: Final = 5
_CHARGE_COLUMN: Final = 6


def is_hybrid_row(body: bytes) -> bool:
    """.NET declares no content type: the first byte tells."""
    return body[:1] == bytes([_VERSION])


def decode_operations(body: bytes) -> list[dict[str, Any]]:
    """The operations of a batch with the names of the JSON form. Raises 400 for what is not one."""
    try:
        return [_decode_operation(record) for record in _records(body)]
    except (struct.error, IndexError, KeyError, ValueError):
        raise bad_request("The batch is not a valid HybridRow stream.") from None


def encode_results(results: Iterable[bytes]) -> bytes:
    stream = bytearray(struct.pack("<BiBi", _VERSION, _SEGMENT, 1, 10))
    for record in results:
        stream += struct.pack("<BiiI", _VERSION, _RECORD, len(record), zlib.crc32(record)) + record
    return bytes(stream)


def encode_result(
    status: int,
    substatus: int,
    etag: str | None,
    body: str | None,
    charge: float,
    retry_after_ms: int | None = None,
) -> bytes:
    present = 1 | (2 if substatus else 0) | (4 if etag is not None else 0) | (8 if body is not None else 0)
    row = bytearray(struct.pack("<BiBii", _VERSION, _RESULT, present, status, substatus))
    for text in (etag, body):
        if text is not None:
            data = text.encode()
            row += _encode_varint(len(data)) + data
    if retry_after_ms is not None:
        row += bytes([_UINT32]) + _encode_varint(_RETRY_AFTER_COLUMN) + struct.pack("<I", retry_after_ms)
    return bytes(row + bytes([_FLOAT64]) + _encode_varint(_CHARGE_COLUMN) + struct.pack("<d", charge))


def _records(stream: bytes) -> Iterator[bytes]:
    _expect(stream, 0, _SEGMENT)
    position = struct.unpack_from("<i", stream, 6)[0] if stream[5] & 1 else len(stream)
    while position < len(stream):
        _expect(stream, position, _RECORD)
        length, checksum = struct.unpack_from("<iI", stream, position + 5)
        position += 13
        record = stream[position : position + length]
        position += length
        if zlib.crc32(record) != checksum:
            raise ValueError("checksum")
        yield record


def _expect(data: bytes, position: int, schema: int) -> None:
    version, found = struct.unpack_from("<Bi", data, position)
    if (version, found) != (_VERSION, schema):
        raise ValueError(found)


def _decode_operation(row: bytes) -> dict[str, Any]:
    _expect(row, 0, _OPERATION)
    present = row[5]
    operation: dict[str, Any] = {}
    kind, resource_type = struct.unpack_from("<ii", row, 6)
    if present & 1:
        operation["operationType"] = _KINDS[kind]
    if present & 2:
        operation["resourceType"] = resource_type
    position = 14
    for number, name in enumerate(_VARIABLE):
        if present >> (2 + number) & 1:
            data, position = _decode_bytes(row, position)
            operation[name] = data.decode() if name in _TEXTS else data
    while position < len(row):
        name, value, position = _decode_sparse(row, position)
        operation[name] = value
    return operation


def _decode_sparse(row: bytes, position: int) -> tuple[str, Any, int]:
    kind = row[position]
    token, position = _decode_varint(row, position + 1)
    if token < len(_COLUMNS):
        name = _COLUMNS[token]
    else:
        length = token - len(_COLUMNS)
        name = row[position : position + length].decode()
        position += length
    if kind in {_FALSE, _TRUE}:
        return name, kind == _TRUE, position
    if kind == _INT32:
        return name, struct.unpack_from("<i", row, position)[0], position + 4
    if kind in {_UTF8, _BINARY}:
        data, position = _decode_bytes(row, position)
        return name, data.decode() if kind == _UTF8 else data, position
    raise ValueError(kind)


def _decode_bytes(row: bytes, position: int) -> tuple[bytes, int]:
    length, position = _decode_varint(row, position)
    return row[position : position + length], position + length


def _decode_varint(row: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = row[position]
        position += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, position


def _encode_varint(value: int) -> bytes:
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
