"""What the page asks of a world, the JSON that it gets, and what is in the world."""

import json
from collections.abc import Mapping
from typing import Any

from engine.storing.events import Metadata, StoredEvent
from engine.storing.port import Head
from engine.testing.times import NOON
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


async def put(world: World, stream_id: str, version: int, type_: str, data: Mapping[str, Any], schema: int = 1) -> None:
    """Appends an event that no command has made."""
    metadata = Metadata(f"{stream_id}/{version}", NOON, "c-1", "e-1", "no trace", "ada", "f")
    event = StoredEvent(stream_id, version, type_, schema, f"k-{version}/0", data, metadata)
    before = await world.store.read(stream_id)
    await world.store.append(stream_id, Head(version - 1, before[-1].metadata.event_id if before else ""), [event])
