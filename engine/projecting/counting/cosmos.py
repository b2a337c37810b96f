"""The store of rollups on Cosmos DB keeps a counter item in each bucket, and beside it a marker item for each event."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, Final

from azure.cosmos.aio import ContainerProxy
from azure.cosmos.exceptions import CosmosBatchOperationError, CosmosResourceExistsError

from engine.consuming.feed.cosmos import CosmosChangeFeed
from engine.errors import Unavailable
from engine.projecting.counting.documents import parts_of, sums_of
from engine.projecting.counting.port import Sums
from engine.storing.cosmos_requests import OWNER_NOT_FOUND, sub_status, translated

_MOST_OPERATIONS: Final = 100
_MOST_INCREMENTS: Final = 10
"""So many operations fit in a transaction, and in a patch (learn.microsoft.com/azure/cosmos-db/concepts-limits)."""

_ATTEMPTS: Final = 10

_BUCKETS: Final = "SELECT VALUE c.id FROM c WHERE STARTSWITH(c.id, @prefix)"
_MARKERS: Final = "SELECT VALUE c.id FROM c WHERE c.id != @bucket"


class CosmosRollupStore:
    """Implements `RollupStore`; `container(name)` returns the SDK's client of a container.

    The sums are changed by increments, which several writers of a bucket make without a conflict and without a read.
    A counter is named as its bucket.
    """

    def __init__(self, container: Callable[[str], ContainerProxy]) -> None:
        self._container = container

    async def count(self, container: str, bucket: str, additions: Mapping[str, Sums]) -> None:
        for transaction in _transactions(additions):
            await self._count(container, bucket, transaction)

    async def sums(self, container: str, buckets: Collection[str]) -> Mapping[str, Sums]:
        # One query per physical partition, however many buckets.
        found = await self._read(container, [(bucket, bucket) for bucket in buckets])
        return {counter["id"]: sums_of(counter) for counter in found}

    def changes(self, container: str) -> CosmosChangeFeed:
        return CosmosChangeFeed(self._container(container))

    async def delete(self, container: str, prefix: str, limit: int) -> int:
        # Without a partition key, the SDK asks every partition.
        buckets = await self._first(container, 1, _BUCKETS, "@prefix", prefix)
        if not buckets:
            return 0
        (bucket,) = buckets
        most = min(limit, _MOST_OPERATIONS)
        items = await self._first(container, most, _MARKERS, "@bucket", bucket, partition_key=bucket)
        if len(items) < most:
            items.append(bucket)
        if not await self._deleted(container, bucket, items):
            # A replica that lags shows what is gone, or somebody else deletes the same.
            for item in items:
                await self._deleted(container, bucket, [item])
        return len(items)

    async def _deleted(self, container: str, bucket: str, items: Iterable[str]) -> bool:
        """Deletes all of them, or none if one is gone already."""
        async with translated(f"rollup {container}", writes=True):
            try:
                await self._container(container).execute_item_batch([("delete", (item,)) for item in items], bucket)
            except CosmosBatchOperationError as error:
                if error.status_code != 404 or sub_status(error) == OWNER_NOT_FOUND:
                    raise
                return False
        return True

    async def _first(
        self, container: str, count: int, query: str, parameter: str, value: str, **where: Any
    ) -> list[str]:
        found = list[str]()
        async with translated(f"rollup {container}") as answered:
            pages = self._container(container).query_items(
                query,
                parameters=[{"name": parameter, "value": value}],
                max_item_count=count,
                response_hook=answered,
                **where,
            )
            async for item in pages:
                found.append(str(item))
                if len(found) == count:
                    break
        return found

    async def _count(self, container: str, bucket: str, additions: dict[str, Sums]) -> None:
        for _ in range(_ATTEMPTS):
            error = await self._attempt(container, bucket, additions)
            if error is None:
                return
            if error.status_code == 404:
                await self._create(container, bucket)
                continue
            # Where the SDK has sent the transaction again after a lost answer, it meets its own markers here.
            for marker in await self._counted(container, bucket, additions, error):
                additions.pop(marker, None)
            if not additions:
                return
        raise Unavailable(f"others keep writing the bucket {bucket} of {container}")

    async def _attempt(
        self, container: str, bucket: str, additions: Mapping[str, Sums]
    ) -> CosmosBatchOperationError | None:
        """Returns None once they are counted; an error with 404 where there is no counter, with 409 at a marker."""
        async with translated(f"rollup {container}", writes=True):
            try:
                await self._container(container).execute_item_batch(_operations(bucket, additions), bucket)
            except CosmosBatchOperationError as error:
                if error.status_code == 409 or (error.status_code == 404 and sub_status(error) != OWNER_NOT_FOUND):
                    return error
                raise
        return None

    async def _create(self, container: str, bucket: str) -> None:
        counter = {"id": bucket, "bucket": bucket, "sums": {}, "billions": {}}
        async with translated(f"rollup {container}", writes=True):
            try:
                await self._container(container).create_item(counter, no_response=True)
            except CosmosResourceExistsError:
                return

    async def _counted(
        self, container: str, bucket: str, additions: Mapping[str, Sums], error: CosmosBatchOperationError
    ) -> list[str]:
        """Returns the markers that are there; the session token of the answer keeps a replica from hiding them."""
        token = (error.headers or {}).get("x-ms-session-token")
        found = await self._read(container, [(marker, bucket) for marker in additions], session_token=token)
        return [marker["id"] for marker in found]

    async def _read(
        self, container: str, items: list[tuple[str, str]], session_token: str | None = None
    ) -> list[Mapping[str, Any]]:
        async with translated(f"rollup {container}"):
            return list(await self._container(container).read_items(items, session_token=session_token))


_Operation = tuple[str, tuple[Any, ...]]


def _operations(bucket: str, additions: Mapping[str, Sums]) -> list[_Operation]:
    increments = [
        {"op": "incr", "path": f"/{part}/{key}", "value": value}
        for key, amount in _totals(additions).items()
        for part, value in parts_of(amount).items()
        if value
    ]
    patches: list[_Operation] = [
        ("patch", (bucket, increments[at : at + _MOST_INCREMENTS]))
        for at in range(0, len(increments), _MOST_INCREMENTS)
    ]
    return [*patches, *(("create", ({"id": marker, "bucket": bucket},)) for marker in additions)]


def _transactions(additions: Mapping[str, Sums]) -> Iterator[dict[str, Sums]]:
    """Yields the events in as many transactions as it takes, each with as many as fit."""
    transaction, keys = dict[str, Sums](), set[str]()
    for marker, added in additions.items():
        keys |= added.keys()
        patches = -(-2 * len(keys) // _MOST_INCREMENTS)
        if transaction and patches + len(transaction) + 1 > _MOST_OPERATIONS:
            yield transaction
            transaction, keys = {}, set(added)
        transaction[marker] = added
    if transaction:
        yield transaction


def _totals(additions: Mapping[str, Sums]) -> Sums:
    totals = dict[str, int]()
    for added in additions.values():
        for key, amount in added.items():
            totals[key] = totals.get(key, 0) + amount
    return totals
