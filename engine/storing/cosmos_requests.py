"""What every store on Cosmos DB shares: the bound of a request, the table of errors, reads by the primary alone."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

from azure.core.exceptions import AzureError
from azure.cosmos.aio import ContainerProxy
from azure.cosmos.exceptions import CosmosBatchOperationError, CosmosHttpResponseError

from engine.errors import REQUEST_LIFETIME, AccessRefused, AdapterError, OutcomeUnknown, Unavailable

OWNER_NOT_FOUND: Final = 1003
"""The sub-status of a 404 that is about the container, not about the item."""


async def read_primary(container: ContainerProxy, partition: str, item_id: str) -> Mapping[str, Any] | None:
    """The item as the primary replica has it; None if it is not there.

    Batches are writes to the service: unlike a point read, a batch of one read is not answered by a replica that lags.
    """
    try:
        results = await container.execute_item_batch([("read", (item_id,))], partition)
    except CosmosBatchOperationError as error:
        if error.status_code == 404:
            return None
        raise
    item: Mapping[str, Any] = results[0]["resourceBody"]
    return {**item, "_etag": results[0]["eTag"]}


@asynccontextmanager
async def translated(of: str, *, writes: bool = False) -> AsyncIterator[None]:
    """Bounds one request to the store `of`, and turns the SDK's errors into ours.

    `writes`: the caller has to be told that a write whose answer was lost may still happen.
    """
    try:
        async with asyncio.timeout(REQUEST_LIFETIME):
            yield
    except (CosmosHttpResponseError, CosmosBatchOperationError) as error:
        raise translate(error, of, writes=writes) from error
    except (AzureError, TimeoutError) as error:
        # azure-core says ServiceRequestError, "was not sent", of a connection that broke after the request was sent,
        # and the SDK's retry may hide a first attempt: no error of a connection tells that nothing happened.
        message = f"no answer from the {of} ({type(error).__name__})"
        raise OutcomeUnknown(message) if writes else Unavailable(message) from error


def translate(error: CosmosHttpResponseError | CosmosBatchOperationError, of: str, *, writes: bool) -> AdapterError:
    """The table from Cosmos DB's statuses to our errors; each store takes its own conflicts out before."""
    message = f"Cosmos DB answered {error.status_code}/{_sub_status(error)} for the {of}"
    match error.status_code:
        case 429 | 449:
            return Unavailable(message, _retry_after(error.headers or {}))
        case 400 | 401 | 403 | 404 | 413:
            return AccessRefused(f"{message}: check the connection, its rights, and that `operate provision` has run")
        case _ if writes:
            return OutcomeUnknown(message)
        case _:
            return Unavailable(message)


def _sub_status(error: CosmosHttpResponseError | CosmosBatchOperationError) -> int:
    """0 where there is none; the SDK has none for batches."""
    return getattr(error, "sub_status", None) or 0


def _retry_after(headers: Mapping[str, Any]) -> float:
    return float(headers.get("x-ms-retry-after-ms", 1000)) / 1000
