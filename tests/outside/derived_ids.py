"""Ids that are derived from ids: the same request, event or reaction has the same id for ever."""

import json
from typing import Any, Final

from engine.messaging.topology import COMMAND_QUEUE, REACTION_QUEUE
from tests.outside.stories import DECLINED, LATER, ORDER, PAID, SHIPMENT, dispatched, told
from tests.outside.world import World

REQUESTS: Final[tuple[tuple[str, Any, dict[str, str]], ...]] = (
    ("place_order", ORDER, {}),
    ("cancel_order", {"reason": "no"}, {"orderId": "o-1"}),
    ("report_payment", PAID, {"orderId": "o-1"}),
    ("ship_order", SHIPMENT, {"orderId": "o-1"}),
    ("receive_stock", {"quantity": 3}, {"sku": "mug"}),
)
ADA: Final = {"x-ms-client-principal-id": "ada"}


async def derived_ids() -> Any:
    """Of clients' commands by caller and route, of orders by their commands, of what a process reacts to and issues."""
    anonymous, trusting = World(), World(trust_easyauth=True)
    story = await told(dispatched)
    placed = await anonymous.ask("place_order", ORDER, headers={"Idempotency-Key": "key 1"})
    items = story.store.commits().items
    sent = [json.loads(each.body) for entity in (COMMAND_QUEUE, REACTION_QUEUE) for each in story.bus.sent[entity]]
    return {
        "commands": {
            function: {
                "anonymous": await _command_id(anonymous, function, body, route),
                "ada": await _command_id(trusting, function, body, route, **ADA),
            }
            for function, body, route in REQUESTS
        },
        "reports without a key": {
            body["outcome"]: await _command_id(anonymous, "report_payment", body, {"orderId": "o-2"}, key=None)
            for body in (PAID, DECLINED)
        },
        "reports with a key": {
            body["outcome"]: await _command_id(anonymous, "report_payment", body, {"orderId": "o-2"}, key="another")
            for body in (PAID, DECLINED)
        },
        "orders": json.loads(placed.get_body())["orderId"],
        "reactions": [
            {"event": item["metadata"]["causationId"], "commandKey": item["commandKey"]}
            for item in items
            if item["streamId"].startswith("fulfilment-")
        ],
        "issued": [
            {"event": body["causationId"], "type": body["type"], "commandId": body["commandId"]}
            for body in sent
            if "commandId" in body
        ],
    }


async def _command_id(
    world: World, function: str, body: Any, route: dict[str, str], *, key: str | None = "key 1", **headers: str
) -> str:
    keyed = {} if key is None else {"Idempotency-Key": key}
    answer = await world.ask(function, body, headers={**LATER, **keyed, **headers}, params=None, **route)
    return str(json.loads(answer.get_body())["commandId"])
