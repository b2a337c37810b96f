"""The store of parked streams on Cosmos DB uses the container `parked`, partitioned by consumer.

    index      { "id": "streams", "consumer": "guest-details@1", "streams": ["guest-7c0e"] }
    stream     { "id": "<digest>", "consumer", "stream": "guest-7c0e", "first": 3, "seen": 7, "version": 3, "type",
                 "why": "failed", "kind", "error", "trace", "attempts", "at", "automatic": false }

The id of a parked stream is a digest: a stream id may have characters that the id of an item must not have. The index
changes in one transaction with each stream that is parked or freed.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, Final

from azure.core import MatchConditions
from azure.cosmos.aio import ContainerProxy
from azure.cosmos.exceptions import CosmosBatchOperationError, CosmosResourceNotFoundError

from engine.consuming.parked_streams.port import MAX_STREAMS, Index, ParkedStream, TooManyStreams
from engine.errors import Unavailable
from engine.storing.cosmos_requests import OWNER_NOT_FOUND, read_primary, translated
from engine.storing.events import time_at_rest, time_from_rest

_INDEX: Final = "streams"
_OF: Final = "store of parked streams"
_ATTEMPTS: Final = 10
_SAME: Final = tuple(
    each.name for each in fields(ParkedStream) if each.name not in ("stream_id", "trace", "at", "etag")
)
"""These properties have the names of the fields, and their values."""
_WITHOUT_TRACES: Final = (
    "SELECT TOP @limit c.stream, c.first, c.seen, c.version, c.type, c.why, c.kind, c.error, c.attempts, c.at, "
    "c.automatic, c._etag FROM c WHERE IS_DEFINED(c.stream)"
)


class CosmosParkedStreams:
    """Implements `ParkedStreams`."""

    def __init__(self, container: ContainerProxy) -> None:
        self._container = container

    async def index(self, consumer: str) -> Index:
        async with translated(_OF):
            return _index(await read_primary(self._container, consumer, _INDEX))

    async def index_since(self, consumer: str, known: Index) -> Index:
        condition: Mapping[str, Any] = {}
        if known.etag is not None:
            condition = {"etag": known.etag, "match_condition": MatchConditions.IfModified}
        async with translated(_OF):
            try:
                item = await self._container.read_item(_INDEX, consumer, **condition)
            except CosmosResourceNotFoundError as error:
                if error.sub_status == OWNER_NOT_FOUND:
                    raise
                return _index(None)
        # The SDK gives nothing for a 304.
        return _index(item) if item else known

    async def skip(self, consumer: str, stream_id: str, version: int) -> bool:
        return await self._raise_to(consumer, stream_id, "seen", version)

    async def park(self, consumer: str, parked: ParkedStream) -> None:
        for _ in range(_ATTEMPTS):
            index = await self.index(consumer)
            if parked.stream_id in index.stream_ids:
                if await self.skip(consumer, parked.stream_id, parked.seen):
                    return
                continue
            if len(index.stream_ids) >= MAX_STREAMS:
                raise TooManyStreams(consumer)
            create = ("create", (_item(consumer, parked),))
            if await self._ran(consumer, [_write(consumer, index, index.stream_ids | {parked.stream_id}), create]):
                return
        raise _others_change(consumer)

    async def get(self, consumer: str, stream_id: str) -> ParkedStream | None:
        async with translated(_OF):
            item = await read_primary(self._container, consumer, _id(stream_id))
        return None if item is None else _parked(item)

    async def all(self, consumer: str, limit: int = MAX_STREAMS) -> Sequence[ParkedStream]:
        async with translated(_OF) as answered:
            found = self._container.query_items(
                _WITHOUT_TRACES,
                parameters=[{"name": "@limit", "value": limit}],
                partition_key=consumer,
                response_hook=answered,
            )
            return sorted([_parked(item) async for item in found], key=lambda each: each.stream_id)

    async def move_on(self, consumer: str, stream_id: str, first: int) -> ParkedStream | None:
        if not await self._raise_to(consumer, stream_id, "first", first):
            return None
        return await self.get(consumer, stream_id)

    async def replace(self, consumer: str, parked: ParkedStream) -> bool:
        item = _item(consumer, parked)
        return await self._ran(consumer, [("replace", (item["id"], item), {"if_match_etag": parked.etag})])

    async def free(self, consumer: str, parked: ParkedStream) -> bool:
        delete = ("delete", (_id(parked.stream_id),), {"if_match_etag": parked.etag})
        for _ in range(_ATTEMPTS):
            index = await self.index(consumer)
            if await self._ran(consumer, [_write(consumer, index, index.stream_ids - {parked.stream_id}), delete]):
                return True
            there = await self.get(consumer, parked.stream_id)
            if there is None:
                return True
            if there.etag != parked.etag:
                return False
        raise _others_change(consumer)

    async def _raise_to(self, consumer: str, stream_id: str, name: str, value: int) -> bool:
        """Sets a number of a parked stream unless it is that high already; returns False if the stream is free."""
        change = {"op": "set", "path": f"/{name}", "value": value}
        condition = f"FROM c WHERE c.{name} < {value}"
        async with translated(_OF, writes=True):
            try:
                await self._container.execute_item_batch(
                    [("patch", (_id(stream_id), [change]), {"filter_predicate": condition})], consumer
                )
            except CosmosBatchOperationError as error:
                if error.status_code not in (404, 412):
                    raise
                return error.status_code == 412
        return True

    async def _ran(self, consumer: str, operations: list[tuple[Any, ...]]) -> bool:
        """Runs all operations, or none if one of them is in conflict."""
        async with translated(_OF, writes=True):
            try:
                await self._container.execute_item_batch(operations, consumer)
            except CosmosBatchOperationError as error:
                if error.status_code not in (404, 409, 412):
                    raise
                return False
        return True


def _id(stream_id: str) -> str:
    return hashlib.sha256(stream_id.encode("utf-8", "surrogatepass")).hexdigest()[:40]


def _index(item: Mapping[str, Any] | None) -> Index:
    return Index(frozenset(), None) if item is None else Index(frozenset(item["streams"]), item["_etag"])


def _write(consumer: str, index: Index, stream_ids: frozenset[str]) -> tuple[Any, ...]:
    item = {"id": _INDEX, "consumer": consumer, "streams": sorted(stream_ids)}
    return ("create", (item,)) if index.etag is None else ("replace", (_INDEX, item), {"if_match_etag": index.etag})


def _item(consumer: str, parked: ParkedStream) -> dict[str, Any]:
    return {
        "id": _id(parked.stream_id),
        "consumer": consumer,
        "stream": parked.stream_id,
        **{name: getattr(parked, name) for name in _SAME},
        "trace": parked.trace,
        "at": time_at_rest(parked.at),
    }


def _parked(item: Mapping[str, Any]) -> ParkedStream:
    return ParkedStream(
        stream_id=item["stream"],
        trace=item.get("trace", ""),
        at=time_from_rest(item["at"]),
        etag=item["_etag"],
        **{name: item[name] for name in _SAME},
    )


def _others_change(consumer: str) -> Unavailable:
    return Unavailable(f"others keep changing what {consumer} has parked")
