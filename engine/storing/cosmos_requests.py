"""All stores on Cosmos DB share this: the time limit of a request, the table of errors, reads from the primary."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

from azure.core.exceptions import AzureError
from azure.cosmos.aio import ContainerProxy
from azure.cosmos.exceptions import CosmosBatchOperationError, CosmosHttpResponseError

from engine.errors import (
    REQUEST_LIFETIME,
    AccessRefused,
    AdapterError,
    OutcomeUnknown,
    RequestRefused,
    Throttled,
    Unavailable,
)

ResponseHook = Callable[[Mapping[str, Any], Any], None]
"""The SDK calls it with the headers of each answer, and with what it has read of it."""

OWNER_NOT_FOUND: Final = 1003
"""A 404 with this sub-status says that the container is missing, not the item."""

READ_SESSION_NOT_AVAILABLE: Final = 1002
"""A 404 with this sub-status says that the store has less than a session token asks for. The SDK drops its own then."""


async def read_primary(container: ContainerProxy, partition: str, item_id: str) -> Mapping[str, Any] | None:
    """Returns the item as the primary replica has it, with its `_etag`; None if it does not exist.

    The service treats a batch as a write: a batch of one read is not answered by a replica that lags, unlike a point
    read.
    """
    try:
        results = await container.execute_item_batch([("read", (item_id,))], partition)
    except CosmosBatchOperationError as error:
        if error.status_code == 404:
            return None
        raise
    item: Mapping[str, Any] = results[0]["resourceBody"]
    return {**item, "_etag": results[0]["eTag"]}


def won_by_another(error: CosmosHttpResponseError) -> bool:
    """Says whether another writer has created, changed or deleted the item meanwhile; the container itself is there."""
    return error.status_code in (409, 412) or (error.status_code == 404 and sub_status(error) != OWNER_NOT_FOUND)


@asynccontextmanager
async def translated(of: str, *, writes: bool = False) -> AsyncIterator[ResponseHook]:
    """Limits one request to the store `of` in time, and raises an AdapterError in place of an error of the SDK.

    It yields a response hook for a query, whose answers come in as many requests as it takes: with each answer, the
    limit begins anew. With `writes`, a lost answer raises OutcomeUnknown, since the write may still happen; without,
    Unavailable.
    """
    now = asyncio.get_running_loop().time
    try:
        async with asyncio.timeout(REQUEST_LIFETIME) as limit:
            yield lambda *_: limit.reschedule(now() + REQUEST_LIFETIME)
    except (CosmosHttpResponseError, CosmosBatchOperationError) as error:
        raise translate(error, of, writes=writes) from error
    except (AzureError, TimeoutError) as error:
        # azure-core raises ServiceRequestError ("was not sent") also if a connection breaks after the request was sent,
        # and the SDK's retry may hide a first attempt. So no connection error proves that nothing happened.
        message = f"no answer from the {of} ({type(error).__name__})"
        raise OutcomeUnknown(message) if writes else Unavailable(message) from error


def translate(error: CosmosHttpResponseError | CosmosBatchOperationError, of: str, *, writes: bool) -> AdapterError:
    """Returns the AdapterError for a status of Cosmos DB. Each store handles its own conflicts before."""
    message = f"Cosmos DB answered {error.status_code}/{sub_status(error)} for the {of}"
    check = f"{message}: check the connection, its rights, and that `operate provision` has run"
    match error.status_code:
        case 429 | 449:
            return Throttled(message, _retry_after(error.headers or {}))
        case 404 if sub_status(error) == READ_SESSION_NOT_AVAILABLE:
            return Unavailable(message)
        case 400 | 413:
            return RequestRefused(check)
        case 401 | 403 | 404:
            return AccessRefused(check)
        case _ if writes:
            return OutcomeUnknown(message)
        case _:
            return Unavailable(message)


def sub_status(error: CosmosHttpResponseError | CosmosBatchOperationError) -> int:
    """Returns the sub-status, 0 if there is none. The SDK does not read that of an operation in a batch."""
    if isinstance(error, CosmosBatchOperationError) and error.operation_responses:
        return int(error.operation_responses[error.error_index].get("subStatusCode", 0))
    return getattr(error, "sub_status", None) or 0


def _retry_after(headers: Mapping[str, Any]) -> float:
    return float(headers.get("x-ms-retry-after-ms", 1000)) / 1000
