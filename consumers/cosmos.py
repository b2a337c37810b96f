"""What the stores of consumers on Cosmos DB share: the table of errors, and reads that replicas do not serve."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

from azure.core.exceptions import AzureError
from azure.cosmos.aio import ContainerProxy
from azure.cosmos.exceptions import CosmosBatchOperationError, CosmosHttpResponseError

from consumers.errors import StoreAway, StoreRefuses, TransientFailure

REQUEST_LIFETIME: Final = 8.0
"""Seconds that one request may take before it is given up."""


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
async def translated() -> AsyncIterator[None]:
    """Bounds what is done inside, and turns the SDK's errors into ours."""
    try:
        async with asyncio.timeout(REQUEST_LIFETIME):
            yield
    except CosmosHttpResponseError as error:
        raise _translate(error) from error
    except (AzureError, TimeoutError) as error:
        raise StoreAway(f"no answer from the consumers' store ({type(error).__name__})") from error


def _translate(error: CosmosHttpResponseError) -> TransientFailure:
    """The table from Cosmos DB's statuses to our errors."""
    message = f"Cosmos DB answered {error.status_code}/{error.sub_status or 0}"
    match error.status_code:
        case 429 | 449:
            return StoreAway(message, float((error.headers or {}).get("x-ms-retry-after-ms", 1000)) / 1000)
        case 400 | 401 | 403 | 404 | 413:
            return StoreRefuses(f"{message}: check the connection, its rights, and that `operate provision` has run")
        case _:
            return StoreAway(message)
