"""The store of views on Cosmos DB: a container per read model."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from azure.core import MatchConditions
from azure.core.exceptions import AzureError
from azure.cosmos.aio import ContainerProxy
from azure.cosmos.exceptions import (
    CosmosAccessConditionFailedError,
    CosmosHttpResponseError,
    CosmosResourceExistsError,
    CosmosResourceNotFoundError,
)

from projections.port import (
    StoredDocument,
    ViewConflict,
    ViewKey,
    ViewStoreError,
    ViewStoreRefused,
    ViewStoreUnavailable,
)

REQUEST_LIFETIME: Final = 8.0
"""Seconds that one request may take before it is given up."""

_PAGE: Final = "SELECT * FROM c WHERE c.sortKey >= @from AND c.sortKey < @below ORDER BY c.sortKey DESC"
_OWNER_NOT_FOUND: Final = 1003


class CosmosViewStore:
    """Promises of `ViewStore`; `container(name)` gives the SDK's client of a container."""

    def __init__(self, container: Callable[[str], ContainerProxy]) -> None:
        self._container = container

    async def get(self, container: str, key: ViewKey) -> StoredDocument | None:
        async with _translated():
            try:
                document = await self._container(container).read_item(key.id, key.partition)
            except CosmosResourceNotFoundError as error:
                if error.sub_status == _OWNER_NOT_FOUND:
                    raise
                return None
        return StoredDocument(document, document["_etag"])

    async def put(self, container: str, key: ViewKey, document: Mapping[str, Any], etag: str | None) -> None:
        proxy = self._container(container)
        async with _translated():
            try:
                if etag is None:
                    await proxy.create_item(dict(document), no_response=True)
                else:
                    await proxy.replace_item(
                        key.id,
                        dict(document),
                        etag=etag,
                        match_condition=MatchConditions.IfNotModified,
                        no_response=True,
                    )
            except (CosmosResourceExistsError, CosmosAccessConditionFailedError) as error:
                raise ViewConflict(f"{container}/{key.id}") from error
            except CosmosResourceNotFoundError as error:
                if etag is None or error.sub_status == _OWNER_NOT_FOUND:
                    raise
                raise ViewConflict(f"{container}/{key.id} was deleted") from error

    async def page(
        self, container: str, partition: str, sort_from: str, sort_below: str, limit: int
    ) -> Sequence[Mapping[str, Any]]:
        async with _translated():
            found = self._container(container).query_items(
                _PAGE,
                parameters=[{"name": "@from", "value": sort_from}, {"name": "@below", "value": sort_below}],
                partition_key=partition,
                max_item_count=limit,
            )
            documents: list[Mapping[str, Any]] = []
            async for document in found:
                documents.append(document)
                if len(documents) == limit:
                    break
        return documents


@asynccontextmanager
async def _translated() -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(REQUEST_LIFETIME):
            yield
    except CosmosHttpResponseError as error:
        raise _translate(error) from error
    except (AzureError, TimeoutError) as error:
        raise ViewStoreUnavailable(f"no answer from the store of views ({type(error).__name__})") from error


def _translate(error: CosmosHttpResponseError) -> ViewStoreError:
    """The table from Cosmos DB's statuses to our errors."""
    message = f"Cosmos DB answered {error.status_code}/{error.sub_status or 0}"
    match error.status_code:
        case 429 | 449:
            return ViewStoreUnavailable(message, float((error.headers or {}).get("x-ms-retry-after-ms", 1000)) / 1000)
        case 400 | 401 | 403 | 404 | 413:
            return ViewStoreRefused(f"{message}: check the connection, its rights, and its containers")
        case _:
            return ViewStoreUnavailable(message)
