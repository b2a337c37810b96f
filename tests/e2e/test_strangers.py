"""A stranger's script puts what is no event into the container of events, through the official SDK.

It parks one stream of each consumer that cannot read it, and nothing else; after the mend, a release brings it in.
"""

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

from azure.cosmos.aio import ContainerProxy, CosmosClient
from azure.cosmos.partition_key import NonePartitionKeyValue

from tests.e2e.drained import nothing_is_dead
from tests.e2e.insistent import InsistentClient, insistent_client
from tests.e2e.parts import Parts, parts
from tests.e2e.stack import eventually
from tests.operate.process import Ended, operate

IN_STREAMS: Final[Mapping[str, Mapping[str, Any]]] = {
    "text": {"version": "2"},
    "meta": {"metadata": None},
    "deep": {"data": json.loads('{"a":' * 100 + "1" + "}" * 100)},
    "huge": {"data": {"sku": "huge", "quantity": 1, "text": "x" * 900_000}},
    "type": {"type": "StockPainted"},
    "newer": {"schema": 99},
    "id": {"version": 3},
}
"""What is wrong with the second event of the stock of each sku."""

IN_NONE: Final[Mapping[str, Mapping[str, Any]]] = {
    "None": {"id": "lost"},
    "7": {"id": "number", "streamId": 7},
    "käfer/?#\\": {"id": "odd", "streamId": "käfer/?#\\"},
}
"""Items that are in no stream, by the names under which they are parked."""

READ_MODEL: Final = "stock-levels@1"
PARKED: Final = {
    *((READ_MODEL, f"stock-{sku}") for sku in IN_STREAMS),
    *(("relay", f"stock-{sku}") for sku in IN_STREAMS),
    *(("relay", name) for name in IN_NONE),
}


async def test_it_parks_one_stream_of_each_consumer_that_cannot_read_it_and_nothing_else(tmp_path: Path) -> None:
    with parts(tmp_path) as running:
        async with (
            insistent_client(running) as client,
            CosmosClient.from_connection_string(running.environment["COSMOS"]) as cosmos,
        ):
            events = cosmos.get_database_client("orders").get_container_client("events")
            for sku in IN_STREAMS:
                assert 200 == (await client.post(f"/stock/{sku}/receipts", {"quantity": 1})).status
            sound = {sku: await put(events, sku, wrong) for sku, wrong in IN_STREAMS.items()}
            for item in IN_NONE.values():
                await events.create_item(dict(item))
            await eventually(PARKED, lambda: parked(running), within=60)

            # Other streams go on, in the same consumers.
            assert 200 == (await client.post("/stock/mug/receipts", {"quantity": 5})).status
            line = {"sku": "mug", "quantity": 1, "unitPrice": {"amount": "12.50", "currency": "EUR"}}
            order_id = (await client.post("/orders", {"customerId": "ada", "lines": [line]})).body["orderId"]
            await eventually("requested", lambda: payment(client, order_id))
            assert PARKED == await parked(running)

            for item in sound.values():
                await events.upsert_item(dict(item))
            for item in IN_NONE.values():
                await events.delete_item(item["id"], item.get("streamId", NonePartitionKeyValue))
            for consumer in (READ_MODEL, "relay"):
                ended = await told(running, "release", consumer, "--all")
                assert 0 == ended.status, ended.err
            assert set() == await parked(running)
            for sku in IN_STREAMS:
                await eventually(2, partial(on_hand, client, sku))
        await nothing_is_dead(running)


async def put(events: ContainerProxy, sku: str, wrong: Mapping[str, Any]) -> Mapping[str, Any]:
    """Puts a second event that is wrong, and returns it as it should be."""
    first = await events.read_item("0000000001", f"stock-{sku}")
    sound = {
        **{name: value for name, value in first.items() if name[0] != "_"},
        "id": "0000000002",
        "version": 2,
        "commandKey": "stranger/0",
        "metadata": {**first["metadata"], "eventId": f"stranger-{sku}"},
    }
    await events.create_item({**sound, **wrong})
    return sound


async def told(running: Parts, *arguments: str) -> Ended:
    known = running.environment
    return await operate("parked", *arguments, COSMOS=known["COSMOS"], SERVICEBUS=known["SERVICEBUS"])


async def parked(running: Parts) -> set[tuple[str, str]]:
    ended = await told(running, "list", "--json")
    assert 0 == ended.status, ended.err
    return {(row["consumer"], row["stream"]) for row in map(json.loads, ended.out.splitlines())}


async def payment(client: InsistentClient, order_id: str) -> str | None:
    answer = await client.get(f"/orders/{order_id}/payment")
    return str(answer.body["status"]) if answer.status == 200 else None


async def on_hand(client: InsistentClient, sku: str) -> int:
    return int((await client.get(f"/stock/{sku}")).body["onHand"])
