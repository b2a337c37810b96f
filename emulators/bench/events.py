"""What the calls work on: a container of events, and events of orders and of stock, as an event store would have them.

An event is an item of its stream, the partition; its id is its version in ten digits, and the key of the command that
made it is unique in the stream.
"""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from azure.cosmos import PartitionKey
from azure.cosmos.aio import ContainerProxy, CosmosClient

from emulators.cosmos.account import KEY

DATABASE: Final = "bench"
CONTAINER: Final = "events"
CUSTOMER: Final = "ada"
_TRACEPARENT: Final = f"00-{'4b' * 16}-{'7d' * 8}-01"
_FINGERPRINT: Final = "f" * 22
_BEGINNING: Final = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
_UNIQUE: Final[dict[str, Any]] = {"uniqueKeys": [{"paths": ["/commandKey"]}]}
_INDEXED: Final[dict[str, Any]] = {
    "indexingMode": "consistent",
    "automatic": True,
    "includedPaths": [{"path": "/commandKey/?"}, {"path": "/streamId/?"}],
    "excludedPaths": [{"path": "/*"}, {"path": '/"_etag"/?'}],
}


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[ContainerProxy]:
    """The container, through a client of its own."""
    async with CosmosClient(url, KEY) as client:
        yield client.get_database_client(DATABASE).get_container_client(CONTAINER)


async def provision(url: str) -> None:
    """Make the container. What events are looked up by is indexed, and nothing else."""
    async with CosmosClient(url, KEY) as client:
        database = await client.create_database(DATABASE)
        await database.create_container(
            CONTAINER,
            PartitionKey("/streamId"),
            unique_key_policy=_UNIQUE,
            indexing_policy=_INDEXED,
        )


def new_id() -> str:
    return str(uuid.uuid4())


def item_id(version: int) -> str:
    return f"{version:010}"


def order_stream(order_id: str) -> str:
    return f"order-{order_id}"


def stock_stream(sku: str) -> str:
    return f"stock-{sku}"


def order_placed(order_id: str) -> dict[str, Any]:
    """The first event of an order, of 0.8 KB."""
    lines = [
        {"sku": "mug", "quantity": 2, "unitPrice": {"amount": 1250, "currency": "EUR"}},
        {"sku": "cup", "quantity": 1, "unitPrice": {"amount": 900, "currency": "EUR"}},
    ]
    data = {"orderId": order_id, "customerId": CUSTOMER, "lines": lines}
    return _item(order_stream(order_id), 1, "OrderPlaced", data)


def order_confirmed(order_id: str) -> dict[str, Any]:
    """The second event of an order."""
    return _item(order_stream(order_id), 2, "OrderConfirmed", {"orderId": order_id, "customerId": CUSTOMER})


def stock_received(stream_id: str, version: int) -> dict[str, Any]:
    """An event of 0.6 KB."""
    return _item(stream_id, version, "StockReceived", {"sku": "mug", "quantity": 1})


def _item(stream_id: str, version: int, type_: str, data: dict[str, Any]) -> dict[str, Any]:
    command_id = new_id()
    return {
        "id": item_id(version),
        "streamId": stream_id,
        "version": version,
        "type": type_,
        "schema": 1,
        "commandKey": f"{command_id}/0",
        "data": data,
        "metadata": {
            "eventId": new_id(),
            "occurredAt": f"{(_BEGINNING + timedelta(seconds=version)).replace(tzinfo=None).isoformat()}Z",
            "correlationId": command_id,
            "causationId": command_id,
            "traceparent": _TRACEPARENT,
            "actor": "anonymous",
            "fingerprint": _FINGERPRINT,
        },
    }
