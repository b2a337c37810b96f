"""The event store on Cosmos DB uses the container `events`: partition key `streamId`, unique key `commandKey`."""

import asyncio
import contextlib
import logging
import re
from collections import OrderedDict
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from azure.cosmos.aio import ContainerProxy
from azure.cosmos.exceptions import (
    CosmosBatchOperationError,
    CosmosHttpResponseError,
    CosmosResourceNotFoundError,
)

from engine.errors import AdapterError
from engine.storing import snapshots
from engine.storing.cosmos_requests import READ_SESSION_NOT_AVAILABLE, ResponseHook, sub_status, translate, translated
from engine.storing.errors import AppendTooLarge, HistoryLost, HoleInStream, StreamFull, WrongExpectedVersion
from engine.storing.events import StoredEvent
from engine.storing.items import from_item, item_id, to_items
from engine.storing.port import MOST_STREAMS, PAGE, Appended, Head, StreamPage
from engine.storing.snapshots import Snapshot

_READ: Final = "SELECT * FROM c WHERE c.id > @after AND c.id <= @last"
_NEWEST: Final = "SELECT TOP @count * FROM c ORDER BY c.id DESC"
_WHERE: Final = "SELECT * FROM c WHERE "
_TAIL: Final = "(c.id > @after AND c.id <= @last)"
_STREAMS_OF: Final = "SELECT VALUE c.streamId FROM c WHERE c.commandKey = @key"
_STREAMS: Final = (
    "SELECT c.streamId, c.version, c.type, c.metadata.occurredAt FROM c "
    "WHERE c.id = @id AND STARTSWITH(c.streamId, @prefix)"
)
_ITEMS: Final = "SELECT TOP @limit * FROM c WHERE c.id > @after ORDER BY c.id"
_OF: Final = "event store"

_PARTITION_KEY_FULL: Final = 1014
_REMEMBERED_STREAMS: Final = 50_000

_log = logging.getLogger(__name__)


class CosmosEventStore:
    """Implements `EventStore`; every append is one round trip.

    The SDK does not keep the session token of a transactional batch, so an instance would miss its own writes on a
    lagging replica. This class keeps the tokens of all answers by stream, and sends them with the next reads. A token
    that is ahead of a store that was restored is dropped, and the stream is read as it is now.
    """

    def __init__(self, events: ContainerProxy) -> None:
        self._events = events
        self._tokens = _SessionTokens()

    async def read(self, stream_id: str, after: int = 0, limit: int = PAGE) -> Sequence[StoredEvent]:
        # A page is an interval of ids: which events are in it does not depend on the order in which they come.
        events = await self._query(stream_id, _READ, {"@after": item_id(after), "@last": item_id(after + limit)})
        if [event.version for event in events] != list(range(after + 1, after + 1 + len(events))):
            raise HoleInStream(f"a read of stream {stream_id} after version {after} had a hole")
        return events

    async def newest(self, stream_id: str, count: int) -> Sequence[StoredEvent]:
        return await self._query(stream_id, _NEWEST, {"@count": count})

    async def look_up(self, stream_id: str, after: int, command_ids: Collection[str]) -> Sequence[StoredEvent]:
        tail, own = {"@after": item_id(after), "@last": item_id(after + PAGE)}, _keys(command_ids)
        return await self._query(stream_id, _WHERE + " OR ".join([_TAIL, *_begin_with(own)]), {**tail, **own})

    async def of_commands(self, stream_id: str, command_ids: Collection[str]) -> Sequence[StoredEvent]:
        own = _keys(command_ids)
        return await self._query(stream_id, _WHERE + " OR ".join(_begin_with(own)), own) if own else []

    async def streams_of(self, command_id: str) -> Sequence[str]:
        found = list[str]()
        async with translated(_OF) as answered:
            # The SDK asks one partition after the other.
            stream_ids = self._events.query_items(
                _STREAMS_OF,
                parameters=_parameters({"@key": f"{command_id}/0"}),
                max_item_count=MOST_STREAMS,
                response_hook=answered,
            )
            async for stream_id in stream_ids:
                found.append(str(stream_id))
                if len(found) == MOST_STREAMS:
                    break
        return found

    async def items(self, stream_id: str, after: str = "", limit: int = PAGE) -> Sequence[Mapping[str, Any]]:
        return await self._found(stream_id, _ITEMS, {"@limit": limit, "@after": after})

    async def streams(
        self, version: int, category: str | None, limit: int, continuation: str | None = None
    ) -> StreamPage:
        prefix = "" if category is None else f"{category}-"
        headers: Mapping[str, Any] = {}
        async with translated(_OF) as answered:

            def keep(its_headers: Mapping[str, Any], read: Any) -> None:
                nonlocal headers
                headers = its_headers
                answered(its_headers, read)

            # Both paths are indexed. The gateway asks one partition after the other, so a page costs what it holds.
            found = self._events.query_items(
                _STREAMS,
                parameters=_parameters({"@id": item_id(version), "@prefix": prefix}),
                max_item_count=limit,
                response_hook=keep,
            )
            items = list[Mapping[str, Any]]()
            async for page in found.by_page(continuation):
                if items := [item async for item in page]:
                    break
        return StreamPage(items, headers.get("x-ms-continuation"))

    async def is_head(self, stream_id: str, version: int) -> bool:
        # The service treats a batch as a write: the primary replica answers it, unlike a point read.
        try:
            await self._batch(stream_id, version, [("read", (item_id(version + 1),))], writes=False)
        except HistoryLost:
            return True
        return False

    async def append(self, stream_id: str, expected: Head, events: Sequence[StoredEvent]) -> Appended:
        guard = [("read", (item_id(expected.version),))] if expected.version else []
        creates = [("create", (item,)) for item in to_items(events)]
        results = await self._batch(stream_id, expected.version, [*guard, *creates], writes=True)
        return Appended(
            history_intact=not guard or results[0]["resourceBody"]["metadata"]["eventId"] == expected.event_id
        )

    async def _query(self, stream_id: str, query: str, parameters: Mapping[str, str | int]) -> list[StoredEvent]:
        events = [from_item(item) for item in await self._found(stream_id, query, parameters)]
        return sorted(events, key=lambda event: event.version)

    async def _found(self, stream_id: str, query: str, parameters: Mapping[str, str | int]) -> list[Mapping[str, Any]]:
        try:
            return await self._pages(stream_id, query, parameters)
        except HistoryLost:
            _log.error("stream %s lost events that this process had seen", stream_id)
            self._tokens.drop(stream_id)
            return await self._pages(stream_id, query, parameters)

    async def _pages(self, stream_id: str, query: str, parameters: Mapping[str, str | int]) -> list[Mapping[str, Any]]:
        keep = self._tokens.keeper(stream_id)
        async with _translated(stream_id, writes=False) as go_on:

            def answered(headers: Mapping[str, Any], read: Any) -> None:
                keep(headers, read)
                go_on(headers, read)

            items = self._events.query_items(
                query,
                parameters=_parameters(parameters),
                partition_key=stream_id,
                max_item_count=PAGE,
                session_token=self._tokens.of(stream_id),
                response_hook=answered,
            )
            return [item async for item in items]

    async def _batch(
        self, stream_id: str, version: int, operations: list[tuple[str, tuple[Any, ...]]], *, writes: bool
    ) -> Sequence[Mapping[str, Any]]:
        """Runs the operations as one transaction. Raises HistoryLost where one reads an item that does not exist."""
        keep = self._tokens.keeper(stream_id)
        async with _translated(stream_id, writes=writes):
            try:
                return await self._events.execute_item_batch(operations, stream_id, response_hook=keep)
            except CosmosBatchOperationError as error:
                keep(error.headers or {}, None)
                raise _translate_batch(error, stream_id, version) from error


class CosmosSnapshotStore:
    """Implements `SnapshotStore` in the container `snapshots`, partitioned by stream id."""

    def __init__(self, snapshots: ContainerProxy) -> None:
        self._snapshots = snapshots

    async def read(self, stream_id: str, fold: int) -> Snapshot | None:
        async with _translated(stream_id, writes=False):
            try:
                return snapshots.from_item(await self._snapshots.read_item(snapshots.snapshot_id(fold), stream_id))
            except CosmosResourceNotFoundError as error:
                if error.sub_status:
                    raise
                return None

    async def write(self, snapshot: Snapshot) -> None:
        # In a thread, as large as it may be: the SDK takes its time on the loop for the text of it.
        item = await asyncio.to_thread(snapshots.to_item, snapshot)
        async with _translated(snapshot.stream_id, writes=True):
            await self._snapshots.upsert_item(item, no_response=True)

    async def delete(self, stream_id: str) -> None:
        async with _translated(stream_id, writes=True):
            found = self._snapshots.query_items("SELECT c.id FROM c", partition_key=stream_id)
            async for item in found:
                with contextlib.suppress(CosmosResourceNotFoundError):
                    await self._snapshots.delete_item(item["id"], stream_id)


def _keys(command_ids: Iterable[str]) -> dict[str, str]:
    """Returns what the command keys of these commands begin with, by the name of a parameter."""
    return {f"@command{number}": f"{each}/" for number, each in enumerate(command_ids)}


def _begin_with(keys: Iterable[str]) -> Iterable[str]:
    return (f"STARTSWITH(c.commandKey, {name})" for name in keys)


def _parameters(values: Mapping[str, str | int]) -> list[dict[str, Any]]:
    return [{"name": name, "value": value} for name, value in values.items()]


@asynccontextmanager
async def _translated(stream_id: str, *, writes: bool) -> AsyncIterator[ResponseHook]:
    """Works as `translated`, and also raises HistoryLost, StreamFull and AppendTooLarge for single requests."""
    async with translated(_OF, writes=writes) as answered:
        try:
            yield answered
        except CosmosHttpResponseError as error:
            if (error.status_code, error.sub_status) == (404, READ_SESSION_NOT_AVAILABLE):
                raise HistoryLost(stream_id) from error
            if (error.status_code, error.sub_status) == (403, _PARTITION_KEY_FULL):
                raise StreamFull(stream_id) from error
            if error.status_code == 413:
                raise _too_large() from error
            raise


def _translate_batch(error: CosmosBatchOperationError, stream_id: str, version: int) -> AdapterError:
    match error.status_code:
        case 409:
            return WrongExpectedVersion(stream_id, version)
        case 404:
            return HistoryLost(stream_id)
        case 403 if sub_status(error) == _PARTITION_KEY_FULL:
            return StreamFull(stream_id)
        case 413:
            return _too_large()
        case _:
            return translate(error, _OF, writes=True)


def _too_large() -> AppendTooLarge:
    return AppendTooLarge("the events of the command are larger than one transaction")


class _SessionTokens:
    """Keeps the newest session token of each stream, for the streams that were used last."""

    def __init__(self) -> None:
        self._tokens: OrderedDict[str, str] = OrderedDict()

    def of(self, stream_id: str) -> str | None:
        return self._tokens.get(stream_id)

    def keeper(self, stream_id: str) -> ResponseHook:
        """Returns a response hook that keeps the token of an answer, unless a newer one is already there."""

        def keep(headers: Mapping[str, Any], _: Any) -> None:
            token = headers.get("x-ms-session-token")
            if token is None:
                return
            known = self._tokens.get(stream_id)
            if known is None or not _is_behind(token, known):
                self._tokens[stream_id] = token
            self._tokens.move_to_end(stream_id)
            if len(self._tokens) > _REMEMBERED_STREAMS:
                self._tokens.popitem(last=False)

        return keep

    def drop(self, stream_id: str) -> None:
        self._tokens.pop(stream_id, None)


_TOKEN: Final = re.compile(r"(?P<range>[^:]+):-?\d+#(?P<lsn>\d+)")


def _is_behind(token: str, known: str) -> bool:
    """Returns whether both tokens have the same partition key range and `token` is the older one.

    A token is `<range>:<version>#<LSN>[#<region>=<LSN>…]`.
    """
    ours, theirs = _TOKEN.match(token), _TOKEN.match(known)
    return (
        ours is not None
        and theirs is not None
        and ours["range"] == theirs["range"]
        and int(ours["lsn"]) < int(theirs["lsn"])
    )
