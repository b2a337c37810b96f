"""The answers that the description of the interface shows: those of one order, asked for here.

`python -m tests.api.examples` writes them anew.
"""

import asyncio
import json
from collections.abc import Mapping
from typing import Any, Final

from api.dashboard.functions import RELEASING
from api.description import DESCRIPTION
from engine.consuming.parked_streams.port import ParkedStream
from engine.messaging.topology import COMMAND_QUEUE
from tests.described import OPERATIONS
from tests.outside.rendered import rendered
from tests.outside.world import World

LATER: Final = {"Prefer": "respond-async"}


async def examples() -> Mapping[str, Mapping[str, Any]]:
    """By function and status, the body of an answer of success."""
    world, answers = World(), dict[str, dict[str, Any]]()

    async def ask(function: str, headers: Mapping[str, str] | None = None, **route: str) -> Any:
        """Commands are asked for with the example of their body."""
        request = OPERATIONS[function].get("requestBody", {}).get("content", {}).get("application/json", {})
        headers = {"Idempotency-Key": function, **(headers or {})}
        answer = await world.ask(function, request.get("example"), headers=headers, params=None, **route)
        body = json.loads(answer.get_body())
        answers.setdefault(function, {}).setdefault(str(answer.status_code), body)
        await world.settle()
        return body

    await ask("receive_stock", sku="mug")
    order = (await ask("place_order"))["orderId"]
    await ask("report_payment", orderId=order)
    await ask("ship_order", orderId=order)
    for function in ("get_order", "get_payment", "get_order_events"):
        await ask(function, orderId=order)
    for function in ("get_stock", "get_stock_events"):
        await ask(function, sku="mug")
    await ask("get_customer_orders", customerId="ada")
    await ask("get_sales")
    await ask("health")
    await ask("health_details")

    await ask("read_dashboard", what="overview")
    await park(world, **RELEASING.example or {})
    await ask("release_parked")

    another = (await ask("place_order", {"Idempotency-Key": "another"}))["orderId"]
    await ask("cancel_order", orderId=another)
    for function, route in (
        ("receive_stock", {"sku": "mug"}),
        ("place_order", {}),
        ("report_payment", {"orderId": order}),
        ("ship_order", {"orderId": order}),
        ("cancel_order", {"orderId": another}),
    ):
        accepted = await ask(function, {"Idempotency-Key": f"{function}, later", **LATER}, **route)
    await world.deliver(COMMAND_QUEUE)
    await ask("get_command", commandId=accepted["commandId"])
    return answers


async def park(world: World, *, consumer: str, name: str) -> None:
    """Parks a stream whose event was mended meanwhile."""
    parked = ParkedStream(name, 1, 1, 1, "OrderPlaced", "failed", "k", "ValueError: no", "", 5, world.now)
    await world.services.parked_streams.park(consumer, parked)


if __name__ == "__main__":
    assert DESCRIPTION.examples is not None
    DESCRIPTION.examples.write_text(rendered(asyncio.run(examples())), encoding="utf-8")
