"""Events are shown as they lie in the store: one that this build cannot read too, with a remark beside it."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from engine.storing.codec import EventCodec
from engine.storing.errors import NewerEvent, UndecodableEvent
from engine.storing.items import from_item
from operate.output import print_block, print_facts

Item = Mapping[str, Any]


def rows(items: Iterable[Item], codec: EventCodec, *, payload: bool, after: int = 0) -> Iterator[Mapping[str, Any]]:
    """Yields a row per item of one stream, in their order, with a remark also where some are missing before it.

    `after` is the version before the first of them.
    """
    for item in items:
        version = item.get("version")
        yield row(item, codec, payload=payload, remarks=[*_gap(version, after)])
        if isinstance(version, int):
            after = version


def row(item: Item, codec: EventCodec, *, payload: bool, remarks: Sequence[str] = ()) -> Mapping[str, Any]:
    """Returns the row of an item.

    What an event says, and who caused it, may be personal: it is there with `payload` alone.
    """
    remarks = [*remarks, *_unread(item, codec, payload=payload)]
    return {**_facts(item), **_payload(item, payload), **({"remark": "; ".join(remarks)} if remarks else {})}


def print_with_payload(row: Mapping[str, Any]) -> None:
    """Prints a row for people: a line per fact, and what the event says below them."""
    print_facts({name: value for name, value in row.items() if name != "data"})
    print_block("data", json.dumps(row["data"], ensure_ascii=False, indent=2))
    print()


def _facts(item: Item) -> Mapping[str, Any]:
    metadata = item.get("metadata")
    said = metadata if isinstance(metadata, dict) else {}
    traceparent = str(said.get("traceparent", "")).split("-")
    return {
        "version": item.get("version"),
        "type": item.get("type"),
        "occurredAt": said.get("occurredAt"),
        "bytes": _bytes(item),
        "causationId": said.get("causationId"),
        "correlationId": said.get("correlationId"),
        "traceId": traceparent[1] if len(traceparent) > 1 else None,
    }


def _payload(item: Item, wanted: bool) -> Mapping[str, Any]:
    if not wanted:
        return {}
    metadata = item.get("metadata")
    actor = metadata.get("actor") if isinstance(metadata, dict) else None
    return {"schema": item.get("schema"), "actor": actor, "data": item.get("data")}


def _bytes(item: Item) -> int:
    """Counts what the service has written: the properties that Cosmos DB adds begin with an underscore."""
    own = {name: value for name, value in item.items() if not name.startswith("_")}
    return len(json.dumps(own, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass"))


def _gap(version: Any, after: int) -> Iterator[str]:
    if isinstance(version, int) and version > after + 1:
        missing = f"version {after + 1} is" if version == after + 2 else f"versions {after + 1} to {version - 1} are"
        yield f"{missing} missing before it"


def _unread(item: Item, codec: EventCodec, *, payload: bool) -> Iterator[str]:
    try:
        codec.event_of(from_item(item))
    except NewerEvent:
        yield "it is newer than this build: a type or schema that it does not know"
    except UndecodableEvent as error:
        # What is wrong may be a value.
        yield f"this build cannot read it: {str(error).partition(': ')[2] if payload else '--payload says why'}"
