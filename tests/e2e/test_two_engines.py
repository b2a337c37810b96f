"""The service on each engine that runs functions with this Python: a command, the feed, the bus and what goes wrong."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from emulators.functions.engines import OFFICIAL
from emulators.tests.functions.engines import HERE
from tests.e2e.stack import Client, client_of, eventually, running

LINE = {"sku": "mug", "quantity": 2, "unitPrice": {"amount": "12.50", "currency": "EUR"}}


@pytest.mark.parametrize("engine", HERE)
async def test_a_service_does_its_work_on_every_engine(tmp_path: Path, engine: str) -> None:
    with running(tmp_path, instances=1, engine=engine) as stack:
        assert (engine == OFFICIAL) == ("Microsoft's worker runtime" in "".join(stack.output))
        async with client_of(stack) as client:
            received = await client.post("/stock/mug/receipts", {"quantity": 10}, "receipt")
            assert (200, 1) == (received.status, received.body["version"])
            placed = await client.post("/orders", {"customerId": "ada", "lines": [LINE]}, "order")
            assert 201 == placed.status
            order = placed.body["orderId"]
            # The reaction to the order comes by the feed and the bus, its view by the feed.
            await eventually(2, partial(field_of, client, "/stock/mug", "reserved"))
            await eventually([(order, "placed")], partial(history, client))
            refused = await client.post("/stock/mug/receipts", {"quantity": -1}, "refused")
            assert 400 == refused.status

            accepted = await client.post("/stock/mug/receipts", {"quantity": 5}, "later", Prefer="respond-async")
            assert 202 == accepted.status
            await eventually("done", partial(field_of, client, f"/commands/{accepted.body['commandId']}", "status"))
            await eventually(15, partial(field_of, client, "/stock/mug", "onHand"))


async def field_of(client: Client, path: str, name: str) -> Any:
    body = (await client.get(path)).body
    return body.get(name) if isinstance(body, dict) else body


async def history(client: Client) -> list[tuple[str, str]]:
    page = await client.get("/customers/ada/orders")
    return [(each["orderId"], each["status"]) for each in page.body["orders"]]
