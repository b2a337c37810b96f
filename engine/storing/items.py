"""Events to Cosmos DB items and back, without any SDK: the format at rest.

    { "id": "0000000001", "streamId": "guest-…", "version": 1, "type": "GuestArrived", "schema": 1,
      "commandKey": "<commandId>/0", "data": {…},
      "metadata": { "eventId", "occurredAt", "correlationId", "causationId", "traceparent", "actor", "fingerprint" } }

The id is the zero-padded version, so that the partition itself refuses a second event of that version, and ids sort
like versions.
"""

import json
from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any, Final

from engine.storing.errors import AppendTooLarge, UndecodableEvent
from engine.storing.events import Metadata, StoredEvent, time_at_rest, time_from_rest

MAX_EVENTS: Final = 99
"""A transactional batch has at most 100 operations; one is the guard."""

MAX_EVENT_BYTES: Final = 200_000
"""Keeps a batch below the 2 MB of a request, and an event readable at a sensible charge."""

MAX_TRANSACTION_BYTES: Final = 1_900_000
"""A request has at most 2 MB, and each event travels in an envelope of its operation."""

_NAMES_AND_NUMBERS: Final = 400
"""Bytes of an item beside its data and its texts, at most."""

_ENVELOPE: Final = itemgetter("id", "streamId", "version", "type", "schema", "commandKey", "data", "metadata")
_METADATA: Final = itemgetter(
    "eventId", "occurredAt", "correlationId", "causationId", "traceparent", "actor", "fingerprint"
)


def item_id(version: int) -> str:
    """Ten digits."""
    return f"{version:010}"


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
    """The items of one command. Raises AppendTooLarge for more than one transaction holds."""
    if len(events) > MAX_EVENTS:
        raise AppendTooLarge(f"the command makes {len(events)} events, at most {MAX_EVENTS} fit into one transaction")
    items = [to_item(event) for event in events]
    if sum(map(_most_bytes, events)) <= MAX_EVENT_BYTES:
        return items
    sizes = [len(json.dumps(item, ensure_ascii=False).encode("utf-8", "surrogatepass")) for item in items]
    if max(sizes, default=0) > MAX_EVENT_BYTES:
        raise AppendTooLarge(f"an event of the command has {max(sizes)} bytes, at most {MAX_EVENT_BYTES} are allowed")
    if sum(sizes) > MAX_TRANSACTION_BYTES:
        raise AppendTooLarge(f"the events have {sum(sizes)} bytes, {MAX_TRANSACTION_BYTES} fit into one transaction")
    return items


def _most_bytes(event: StoredEvent) -> int:
    """Never less than the item has in UTF-8, without the time of writing it: only `data` may be large."""
    event_id, _, *others = event.metadata
    texts = (event.stream_id, event.type, event.command_key, event_id, *others)
    # Escaped, as here, JSON is never shorter than in UTF-8; no character of a text takes more than six bytes there.
    return len(json.dumps(event.data)) + 6 * sum(map(len, texts)) + _NAMES_AND_NUMBERS


def from_item(item: Mapping[str, Any]) -> StoredEvent:
    """Reads an item of the container or of its change feed; system properties are ignored.

    Raises UndecodableEvent when the envelope is not one of ours.
    """
    try:
        id_, stream_id, version, type_, schema, command_key, data, metadata = _ENVELOPE(item)
        event_id, occurred_at, correlation_id, causation_id, traceparent, actor, fingerprint = _METADATA(metadata)
        time = time_from_rest(occurred_at)
    except (KeyError, TypeError, ValueError) as error:
        raise _unreadable(item, f"its envelope cannot be read ({type(error).__name__}: {error})") from error
    if type(version) is not int or id_ != item_id(version):
        raise _unreadable(item, "its id and its version differ")
    if type(schema) is not int or type(type_) is not str or not isinstance(data, dict):
        raise _unreadable(item, "type, schema or data are not of their kind")
    # By position: one of each is made per event read, and names would double the time of it.
    how = Metadata(event_id, time, correlation_id, causation_id, traceparent, actor, fingerprint)
    return StoredEvent(stream_id, version, type_, schema, command_key, data, how)


def _unreadable(item: Mapping[str, Any], reason: str) -> UndecodableEvent:
    version = item.get("version")
    return UndecodableEvent(str(item.get("streamId")), version if type(version) is int else 0, reason)
