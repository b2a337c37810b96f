"""The store of views on Cosmos DB uses one container per read model."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from azure.core import MatchConditions
from azure.cosmos.aio import ContainerProxy
from azure.cosmos.exceptions import (
    CosmosAccessConditionFailedError,
    CosmosResourceExistsError,
    CosmosResourceNotFoundError,
)

from engine.consuming.feed.cosmos import CosmosChangeFeed
from engine.projecting.port import StoredDocument, ViewConflict, ViewKey
from engine.storing.containers import Container
from engine.storing.cosmos_requests import OWNER_NOT_FOUND, translated

_BY_ID: Final = "SELECT * FROM c WHERE c.id = @id"
_BEGINNING: Final = "SELECT c.id, c.{key} AS partition FROM c WHERE STARTSWITH(c.id, @prefix)"
# An aggregate that the index alone cannot answer reads every item of the container; equality and comparison it can.
_COUNT: Final = "SELECT VALUE COUNT(1) FROM c WHERE c.{path} = @value AND c.id >= @from AND c.id < @below"
_PAGE: Final = "SELECT * FROM c WHERE c.sortKey >= @from AND c.sortKey < @below ORDER BY c.sortKey DESC"


class CosmosViewStore:
    """Implements `ViewStore`; `container(name)` returns the SDK's client of a container."""

    def __init__(self, container: Callable[[str], ContainerProxy]) -> None:
        self._container = container

    async def get(self, container: str, key: ViewKey) -> StoredDocument | None:
        async with translated(f"view {container}"):
            try:
                document = await self._container(container).read_item(key.id, key.partition)
            except CosmosResourceNotFoundError as error:
                if error.sub_status == OWNER_NOT_FOUND:
                    raise
                return None
        return StoredDocument(document, document["_etag"])

    async def put(self, container: str, key: ViewKey, document: Mapping[str, Any], etag: str | None) -> str:
        proxy = self._container(container)
        async with translated(f"view {container}", writes=True):
            try:
                if etag is None:
                    written = await proxy.create_item(dict(document), no_response=True)
                else:
                    written = await proxy.replace_item(
                        key.id,
                        dict(document),
                        etag=etag,
                        match_condition=MatchConditions.IfNotModified,
                        no_response=True,
                    )
            except (CosmosResourceExistsError, CosmosAccessConditionFailedError) as error:
                raise ViewConflict(f"{container}/{key.id}") from error
            except CosmosResourceNotFoundError as error:
                if etag is None or error.sub_status == OWNER_NOT_FOUND:
                    raise
                raise ViewConflict(f"{container}/{key.id} was deleted") from error
        # Without a body, the answer has the etag in its headers.
        new_etag: str = written.get_response_headers()["etag"]
        return new_etag

    async def find(self, container: str, view_id: str) -> Sequence[StoredDocument]:
        async with translated(f"view {container}"):
            # Without a partition key, the SDK asks every partition.
            found = self._container(container).query_items(_BY_ID, parameters=[{"name": "@id", "value": view_id}])
            return [StoredDocument(document, document["_etag"]) async for document in found]

    async def delete(self, container: str, key: ViewKey) -> None:
        async with translated(f"view {container}", writes=True):
            try:
                await self._container(container).delete_item(key.id, key.partition)
            except CosmosResourceNotFoundError as error:
                if error.sub_status == OWNER_NOT_FOUND:
                    raise

    def changes(self, container: str) -> CosmosChangeFeed:
        return CosmosChangeFeed(self._container(container))

    async def beginning(self, container: Container, prefix: str, limit: int) -> Sequence[ViewKey]:
        keys = list[ViewKey]()
        async with translated(f"view {container.name}") as answered:
            # Without a partition key, the SDK asks every partition.
            found = self._container(container.name).query_items(
                _BEGINNING.format(key=container.partition_key.removeprefix("/")),
                parameters=[{"name": "@prefix", "value": prefix}],
                max_item_count=limit,
                response_hook=answered,
            )
            async for each in found:
                keys.append(ViewKey(each["id"], each["partition"]))
                if len(keys) == limit:
                    break
        return keys

    async def count(self, container: str, prefix: str, path: str, value: str) -> int:
        proxy = self._container(container)
        parameters = {"@value": value, "@from": prefix, "@below": f"{prefix}\x7f"}

        async def counted(where: dict[str, Any]) -> int:
            async with translated(f"view {container}") as answered:
                found = proxy.query_items(
                    _COUNT.format(path=path.replace("/", ".")),
                    parameters=[{"name": name, "value": its} for name, its in parameters.items()],
                    feed_range=where,
                    response_hook=answered,
                )
                # Each page has the count of what it is about.
                parts: list[Any] = [each async for each in found]
            return sum(parts)

        async with translated(f"view {container}"):
            ranges = [each async for each in proxy.read_feed_ranges()]
        return sum(await asyncio.gather(*map(counted, ranges)))

    async def page(
        self, container: str, partition: str, sort_from: str, sort_below: str, limit: int
    ) -> Sequence[Mapping[str, Any]]:
        async with translated(f"view {container}") as answered:
            found = self._container(container).query_items(
                _PAGE,
                parameters=[{"name": "@from", "value": sort_from}, {"name": "@below", "value": sort_below}],
                partition_key=partition,
                max_item_count=limit,
                response_hook=answered,
            )
            documents: list[Mapping[str, Any]] = []
            async for document in found:
                documents.append(document)
                if len(documents) == limit:
                    break
        return documents
