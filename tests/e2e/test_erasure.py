"""A customer is erased from an order by hand, by the procedure of docs/operations.md, while the order is on its way."""

from pathlib import Path

from azure.cosmos.aio import CosmosClient

from tests.e2e.drained import nothing_is_dead, nothing_is_under_way
from tests.e2e.insistent import InsistentClient, insistent_client
from tests.e2e.judge import judge_of
from tests.e2e.parts import Parts, parts
from tests.e2e.stack import eventually
from tests.operate.process import operate


async def test_an_order_of_an_erased_customer_goes_on_and_is_shown_once(tmp_path: Path) -> None:
    with parts(tmp_path) as running:
        async with insistent_client(running) as client:
            await client.post("/stock/mug/receipts", {"quantity": 1})
            line = {"sku": "mug", "quantity": 1, "unitPrice": {"amount": "12.50", "currency": "EUR"}}
            placed = await client.post("/orders", {"customerId": "ada", "lines": [line]})
            order_id = placed.body["orderId"]

            async def paid() -> int:
                report = {"outcome": "processed", "reference": "pay-1"}
                return (await client.post(f"/orders/{order_id}/payment", report)).status

            # It is asked for once its stock is reserved.
            await eventually(200, paid)
            await eventually([(order_id, "confirmed")], lambda: history(client, "ada"))

            running.stop("functions")
            replicas_catch_up(running)
            await rewrite(running, f"order-{order_id}", "erased-1")
            replicas_catch_up(running)
            running.start_again("functions")
            await eventually([(order_id, "confirmed")], lambda: history(client, "erased-1"))
            ended = await operate("views", "refold", f"order-{order_id}", COSMOS=running.environment["COSMOS"])
            assert 0 == ended.status, ended.err
            await eventually([], lambda: history(client, "ada"))

            shipment = {"carrier": "DHL", "trackingNumber": "T-1"}
            assert 200 == (await client.post(f"/orders/{order_id}/shipment", shipment)).status
            await eventually([(order_id, "shipped")], lambda: history(client, "erased-1"))
            await nothing_is_under_way(running, also_scheduled=False)
            async with judge_of(running) as judge:
                (story,) = await judge.all_are_settled([order_id])
                assert ("shipped", {"erased-1"}) == (story.fate, {event.customer_id for event in story.order.events})
                await judge.stock_is_balanced([story], {"mug": 1})
                await judge.views_agree(story.streams)
                await judge.nothing_is_parked()
            await eventually([], lambda: history(client, "ada"))
        await nothing_is_dead(running)


async def history(client: InsistentClient, customer_id: str) -> list[tuple[str, str]]:
    orders = (await client.get(f"/customers/{customer_id}/orders")).body["orders"]
    return [(each["orderId"], each["status"]) for each in orders]


def replicas_catch_up(running: Parts) -> None:
    """Where those of Azure do so with time, those of the local Cosmos DB lag by commits, and not after a start."""
    running.kill("cosmos")


async def rewrite(running: Parts, stream_id: str, customer_id: str) -> None:
    async with CosmosClient.from_connection_string(running.environment["COSMOS"]) as cosmos:
        events = cosmos.get_database_client("orders").get_container_client("events")
        async for item in events.query_items("SELECT * FROM c", partition_key=stream_id):
            await events.replace_item(item["id"], {**item, "data": {**item["data"], "customerId": customer_id}})
