"""A process that starts many streams, and says what it holds: `python -m bench.probes.many_streams COUNT`."""

import asyncio
import json
import os
import sys
from collections.abc import Iterable, Mapping
from typing import Final

from bench.material import CUSTOMER, LINES, new_context
from composition.services import build
from composition.settings import Settings
from domain.order.aggregate import ORDER
from domain.order.commands import PlaceOrder
from emulators.bench.machine import resident_bytes
from engine.services import Services

_AT_ONCE: Final = 32
_STEPS: Final = 5


async def place_orders(services: Services, numbers: Iterable[int]) -> None:
    each = iter(numbers)

    async def client() -> None:
        for number in each:
            command = PlaceOrder(order_id(number), CUSTOMER, LINES)
            stream_id = ORDER.stream_id(command.order_id)
            await services.commands.handle(ORDER, new_context().to(stream_id, command), probably_new=True)

    await asyncio.gather(*(client() for _ in range(_AT_ONCE)))


async def main(count: int) -> None:
    steps: list[Mapping[str, int]] = []
    async with build(Settings.from_mapping(os.environ)) as services:
        for step in range(_STEPS + 1):
            placed = step * count // _STEPS
            if step:
                await place_orders(services, range((step - 1) * count // _STEPS, placed))
            cached = sum(services.commands.cache.get(ORDER.stream_id(order_id(n))) is not None for n in range(placed))
            steps.append({"streams": placed, "resident": resident_bytes(os.getpid()), "cached": cached})
    print(json.dumps(steps))


def order_id(number: int) -> str:
    """As long as a UUID; made anew where it is needed, so that what the process holds is the service's alone."""
    return f"{number:036}"


asyncio.run(main(int(sys.argv[1])))
