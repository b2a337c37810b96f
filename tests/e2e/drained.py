"""Whether the bus has nothing left to do, and nothing that it has given up."""

import asyncio
from typing import Final

from tests.e2e.parts import Parts
from tests.e2e.stack import eventually

QUEUES: Final = ("commands", "reactions")
DEAD_LETTERS: Final = "/$deadletterqueue"


async def nothing_is_under_way(running: Parts, *, also_scheduled: bool = True) -> None:
    """Returns once every message was handled; scheduled ones too, unless they may wait."""
    states = ("active", "deferred", "scheduled") if also_scheduled else ("active", "deferred")

    async def waiting() -> dict[str, int]:
        entities = await asyncio.to_thread(running.control, "servicebus", "entities")
        return {name: sum(entities[name][state] for state in states) for name in QUEUES}

    await eventually(dict.fromkeys(QUEUES, 0), waiting)


async def nothing_is_dead(running: Parts) -> None:
    """No queue or subscription has given up a message."""
    entities = await asyncio.to_thread(running.control, "servicebus", "entities")
    dead = {name: sum(counts.values()) for name, counts in entities.items() if DEAD_LETTERS in name.lower()}
    assert {f"{queue}{DEAD_LETTERS}" for queue in QUEUES} <= {name.lower() for name in dead}
    assert not any(dead.values()), dead
