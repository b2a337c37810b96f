"""Orders of every fate, while each process of the stack is killed: all come to their end, nothing is forgotten."""

import asyncio
import os
import random
from collections import Counter
from pathlib import Path
from typing import Final

import pytest

from domain.stock.aggregate import STOCK
from tests.e2e.drained import nothing_is_dead, nothing_is_under_way
from tests.e2e.insistent import insistent_client
from tests.e2e.judge import judge_of
from tests.e2e.parts import Parts, parts
from tests.e2e.shop import STOCK as RECEIVED
from tests.e2e.shop import Shop
from tests.e2e.telemetry.claims import Claims
from tests.e2e.telemetry.received import SOON, receiver

ROUNDS = 50 if os.environ.get("FULL_ROUNDS") else 3
ORDERS: Final = 21
LAST_MOMENT: Final = 40
"""In commands that were answered: 3 receipts, the orders, and what is done about most of them."""
WEEKS_SECONDS: Final = 14 * 24 * 3600


@pytest.mark.timeout(240)
@pytest.mark.parametrize("seed", range(ROUNDS))
async def test_every_order_ends_well_whatever_is_killed(tmp_path: Path, seed: int) -> None:
    """Guards the process of an order against lost and repeated messages, and hosts, stores and the bus against kills.

    In the end each order is shipped, cancelled, or confirmed and waiting for its shipment; no unit is reserved for
    anybody else, no cancelled order has been charged, views and sales are what streams say; and two weeks later, when
    every deadline has passed, all of it is still so. No span claims more than that: what was killed has none.
    """
    print(f"seed {seed}")
    with (
        receiver() as received,
        parts(tmp_path, PAYMENT_DEADLINE="00:00:02", OTEL_EXPORTER_OTLP_ENDPOINT=received.url, **SOON) as running,
    ):
        async with insistent_client(running) as client:
            shop = Shop(client, seed, ORDERS)
            async with asyncio.TaskGroup() as group:
                group.create_task(shop.run())
                group.create_task(kill_each_part_once(running, shop, random.Random(seed)))
        async with judge_of(running) as judge:
            await judge.all_are_settled(shop.order_ids)
            await asyncio.to_thread(running.control, "servicebus", "clock", {"advance": WEEKS_SECONDS})
            await nothing_is_under_way(running)
            stories = await judge.settled(shop.order_ids)
            print(Counter(each.fate for each in stories))
            assert ORDERS == len(stories)
            await judge.stock_is_balanced(stories, RECEIVED)
            stocks = [await judge.stream(STOCK, sku) for sku in RECEIVED]
            await judge.views_agree([*stocks, *(each.order for each in stories), *(each.payment for each in stories)])
            await judge.sales_agree(stories)
            await judge.nothing_is_parked()
            claims = Claims(judge, received.spans())
            assert [] == await claims.unfounded()
            assert {"handle", "apply", "read", "send", "process"} == claims.looked_at.keys()
        await nothing_is_dead(running)


async def kill_each_part_once(running: Parts, shop: Shop, chance: random.Random) -> None:
    victims = ["cosmos", "servicebus", "host", "functions"]
    chance.shuffle(victims)
    for moment, victim in zip(sorted(chance.sample(range(3, LAST_MOMENT), len(victims))), victims, strict=True):
        await shop.reached(moment)
        print(f"killed after {shop.steps} commands: {victim}")
        await asyncio.to_thread(running.kill, victim, chance)
