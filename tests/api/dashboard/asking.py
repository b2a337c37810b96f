"""What the page asks of a world, and the JSON that it gets."""

import json
from typing import Any

from tests.outside.world import World


async def ask(world: World, what: str, **params: str) -> Any:
    """The data, which have to be answered."""
    status, body = await asked(world, what, **params)
    assert 200 == status, body
    return body


async def asked(world: World, what: str, **params: str) -> tuple[int, Any]:
    """The status of an answer, and its JSON."""
    response = await world.ask("read_dashboard", params=params, what=what)
    return response.status_code, json.loads(response.get_body())


async def placed_orders(world: World) -> list[str]:
    """The ids of the orders that there are."""
    streams = {str(item["streamId"]) for item in world.store.commits().items}
    return sorted(each.removeprefix("order-") for each in streams if each.startswith("order-"))
