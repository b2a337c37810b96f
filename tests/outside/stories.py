"""What becomes of orders, told through the interface, so that everything which travels is sent by the real process."""

import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any, Final

from engine.messaging.topology import COMMAND_QUEUE, REACTION_QUEUE
from tests.outside.values import DATE_TIME, TEXT
from tests.outside.world import PAYMENT_DEADLINE, World

ORDER: Final[Mapping[str, Any]] = {
    "customerId": "c-1",
    "lines": [
        {"sku": "mug", "quantity": 2, "unitPrice": {"amount": "12.50", "currency": "EUR"}},
        {"sku": "poster_A2", "quantity": 1, "unitPrice": {"amount": "0", "currency": "EUR"}},
    ],
}
PAID: Final = {"outcome": "processed", "reference": "pay-1"}
PAID_AGAIN: Final = {"outcome": "processed", "reference": "pay-2"}
DECLINED: Final = {"outcome": "declined", "reference": "pay-1", "reason": DATE_TIME}
SHIPMENT: Final = {"carrier": TEXT, "trackingNumber": "T-1"}
LATER: Final = {"Prefer": "respond-async"}


async def placed(world: World, *, stock: int = 10) -> str:
    """The id of an order whose skus have so many units each in stock. The second time, nothing happens."""
    for sku in ("mug", "poster_A2"):
        await world.ask("receive_stock", {"quantity": stock}, headers={"Idempotency-Key": f"stock-{sku}"}, sku=sku)
    answer = await world.ask("place_order", ORDER, headers={"Idempotency-Key": "place"})
    return str(json.loads(answer.get_body())["orderId"])


async def dispatched(world: World) -> None:
    order_id = await placed(world)
    await world.settle()
    await world.ask("report_payment", PAID, orderId=order_id)
    await world.settle()
    await world.ask("ship_order", SHIPMENT, headers={"Idempotency-Key": "ship"}, orderId=order_id)
    await world.settle()


async def declined_and_paid_late(world: World) -> None:
    order_id = await placed(world)
    await world.settle()
    await world.ask("report_payment", DECLINED, orderId=order_id)
    await world.settle()
    await world.ask("report_payment", PAID, orderId=order_id)
    await world.settle()


async def out_of_stock(world: World) -> None:
    await placed(world, stock=1)
    await world.settle()


async def not_paid_in_time(world: World) -> None:
    await placed(world)
    await world.settle()
    await world.wait(timedelta(seconds=PAYMENT_DEADLINE))


async def abandoned(world: World) -> None:
    """Nobody takes the commands to the stock until the time for the whole is over."""
    await placed(world)
    await world.settle(REACTION_QUEUE)
    await world.wait(timedelta(days=8))


async def asked_for_asynchronously(world: World) -> None:
    """Every command that a client may ask for, with and without a condition; the shipment is refused."""
    order_id = await placed(world)
    requests: tuple[tuple[str, Mapping[str, Any], Mapping[str, str]], ...] = (
        ("place_order", ORDER, {}),
        ("receive_stock", {"quantity": 3}, {"sku": "mug"}),
        ("report_payment", {**PAID, "outcome": "declined"}, {"orderId": order_id}),
        ("report_payment", PAID, {"orderId": order_id}),
        ("ship_order", SHIPMENT, {"orderId": order_id}),
        ("cancel_order", {"reason": DATE_TIME}, {"orderId": order_id}),
    )
    for number, (function, body, route) in enumerate(requests):
        condition = {"If-Match": '"1"'} if function == "cancel_order" else {}
        headers = {"Idempotency-Key": f"later-{number}", **LATER, **condition}
        await world.ask(function, body, headers=headers, params=None, **route)
    await world.deliver(COMMAND_QUEUE)
    await world.settle()


async def paid_twice(world: World) -> None:
    order_id = await placed(world)
    await world.settle()
    await world.ask("report_payment", PAID, orderId=order_id)
    await world.ask("report_payment", PAID_AGAIN, orderId=order_id)
    await world.settle()


async def cancelled_before_the_process_hears_of_it(world: World) -> None:
    """The message with the placement is dead until the customer has cancelled."""
    order_id = await placed(world)
    await world.settle(COMMAND_QUEUE)
    for message in world.bus.deliver(REACTION_QUEUE):
        world.bus.bury(REACTION_QUEUE, message, "MaxDeliveryCountExceeded", "the store was away for long")
    await world.ask("cancel_order", {"reason": DATE_TIME}, headers={"Idempotency-Key": "cancel"}, orderId=order_id)
    await world.settle()
    await world.redrive(REACTION_QUEUE)
    await world.deliver(REACTION_QUEUE)
    await world.settle()


STORIES: Final[Mapping[str, Callable[[World], Awaitable[None]]]] = {
    each.__name__: each
    for each in (
        dispatched,
        declined_and_paid_late,
        out_of_stock,
        not_paid_in_time,
        abandoned,
        asked_for_asynchronously,
        paid_twice,
        cancelled_before_the_process_hears_of_it,
    )
}


async def told(story: Callable[[World], Awaitable[None]]) -> World:
    world = World()
    await story(world)
    return world
