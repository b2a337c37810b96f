"""A stored event is kept as a Cosmos DB item in this format; the conversion needs no SDK.

    { "id": "0000000001", "streamId": "guest-…", "version": 1, "type": "GuestArrived", "schema": 1,
      "commandKey": "<commandId>/0", "data": {…},
      "metadata": { "eventId", "occurredAt", "correlationId", "causationId", "traceparent", "actor", "fingerprint" } }

The id is the zero-padded version: the partition itself refuses a second event of that version, and ids sort like
versions.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import Any, Final

from msgspec import ValidationError, convert
from msgspec.structs import astuple, replace

from engine.storing.errors import AppendTooLarge, UndecodableEvent
from engine.storing.events import StoredEvent, time_at_rest

MAX_EVENTS: Final = 99
"""A transactional batch has at most 100 operations, and one of them reads the expected version."""

MAX_EVENT_BYTES: Final = 200_000
"""This limit keeps the charge for reading an event reasonable, and leaves room for several events in one batch."""

MAX_TRANSACTION_BYTES: Final = 1_900_000
"""A request has at most 2 MB, and each event in it is wrapped in an operation."""

_NAMES_AND_NUMBERS: Final = 400
"""An item has at most this many bytes beside its data and its texts."""


def item_id(version: int) -> str:
    """Returns the version as ten digits."""
    return str(version).zfill(10)


def to_item(event: StoredEvent) -> dict[str, Any]:
    metadata = event.metadata
    return {
        "id": item_id(event.version),
        "streamId": event.stream_id,
        "version": event.version,
        "type": event.type,
        "schema": event.schema,
        "commandKey": event.command_key,
        "data": event.data,
        "metadata": {
            "eventId": metadata.event_id,
            "occurredAt": time_at_rest(metadata.occurred_at),
            "correlationId": metadata.correlation_id,
            "causationId": metadata.causation_id,
            "traceparent": metadata.traceparent,
            "actor": metadata.actor,
            "fingerprint": metadata.fingerprint,
        },
    }


def to_items(events: Sequence[StoredEvent]) -> list[dict[str, Any]]:
    """Returns the items of the events of one command.

    Raises AppendTooLarge if an event is too large, or the events do not fit into one transaction.
    """
    if len(events) > MAX_EVENTS:
        raise AppendTooLarge(f"the command makes {len(events)} events, at most {MAX_EVENTS} fit into one transaction")
    items = [to_item(event) for event in events]
    if sum(map(most_bytes, events)) <= MAX_EVENT_BYTES:
        return items
    sizes = [len(json.dumps(item, ensure_ascii=False).encode("utf-8", "surrogatepass")) for item in items]
    if max(sizes, default=0) > MAX_EVENT_BYTES:
        raise AppendTooLarge(f"an event of the command has {max(sizes)} bytes, at most {MAX_EVENT_BYTES} are allowed")
    if sum(sizes) > MAX_TRANSACTION_BYTES:
        raise AppendTooLarge(f"the events have {sum(sizes)} bytes, {MAX_TRANSACTION_BYTES} fit into one transaction")
    return items


def most_bytes(event: StoredEvent) -> int:
    """Returns an upper bound of the item's bytes in UTF-8 without encoding all of it: only `data` may be large."""
    event_id, _, *others = astuple(event.metadata)
    texts = (event.stream_id, event.type, event.command_key, event_id, *others)
    # Escaped JSON is never shorter than JSON in UTF-8, where a character of a text takes at most six bytes.
    return len(json.dumps(event.data)) + 6 * sum(map(len, texts)) + _NAMES_AND_NUMBERS


def from_item(item: Mapping[str, Any]) -> StoredEvent:
    """Returns the event in an item of the container or of its change feed; system properties are ignored.

    Raises UndecodableEvent when the item does not have the format above.
    """
    try:
        event = convert(item, StoredEvent)
    except ValidationError as error:
        raise _unreadable(item, f"its envelope cannot be read ({error})") from error
    if item.get("id") != item_id(event.version):
        raise _unreadable(item, "its id and its version differ")
    if type(event.data) is not dict:
        raise _unreadable(item, "its data is no object")
    if event.metadata.occurred_at.tzinfo is not UTC:
        in_utc = event.metadata.occurred_at.astimezone(UTC)
        return replace(event, metadata=replace(event.metadata, occurred_at=in_utc))
    return event


def _unreadable(item: Mapping[str, Any], reason: str) -> UndecodableEvent:
    version = item.get("version")
    return UndecodableEvent(str(item.get("streamId")), version if type(version) is int else 0, reason)
