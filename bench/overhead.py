"""Part 2: what the application adds to the one request that a warm command is."""

from collections.abc import Sequence
from typing import Final

from azure.cosmos.aio import ContainerProxy

from bench import cloud
from bench.material import CUSTOMER, LINES, new_context, new_id, new_item
from composition.services import build
from domain.order.aggregate import ORDER
from domain.order.commands import ConfirmOrder, PlaceOrder
from domain.order.events import OrderConfirmed
from emulators.bench.measure import interleaved_async
from emulators.bench.report import Goal, Table
from emulators.bench.scale import Scale
from engine.services import Services
from engine.storing.containers import EVENTS
from engine.storing.cosmos_account import open_client
from engine.storing.items import item_id

_COMMANDS: Final = 60
_APPLICATION: Final = "application"
_BARE: Final = "bare batch"


async def run(scale: Scale) -> Sequence[Table]:
    with cloud.cosmos() as service:
        known = cloud.settings(service.url)
        cloud.provision(cloud.environment(service.url))
        async with build(known) as services, open_client(known.engine.cosmos) as client:
            events = client.get_database_client(known.engine.cosmos_database).get_container_client(EVENTS.name)
            return [await _table(scale, services, events)]


async def _table(scale: Scale, services: Services, events: ContainerProxy) -> Table:
    orders = {
        (side, number): [new_id() for _ in range(_COMMANDS)]
        for side in (_APPLICATION, _BARE)
        for number in range(scale.rounds + 1)
    }
    for order_ids in orders.values():
        for order_id in order_ids:
            await _place(services, order_id)
    items = {
        order_id: new_item(ORDER.stream_id(order_id), 2, OrderConfirmed(order_id, CUSTOMER))
        for order_ids in orders.values()
        for order_id in order_ids
    }

    async def application(number: int) -> None:
        for order_id in orders[_APPLICATION, number]:
            await services.commands.handle(ORDER, new_context().to(ORDER.stream_id(order_id), ConfirmOrder()))

    async def bare(number: int) -> None:
        for order_id in orders[_BARE, number]:
            operations = [("read", (item_id(1),)), ("create", (items[order_id],))]
            await events.execute_item_batch(operations, ORDER.stream_id(order_id))

    timings = await interleaved_async({_APPLICATION: application, _BARE: bare}, scale.rounds, _COMMANDS)
    ratio = timings.ratio(_APPLICATION, _BARE)
    return Table(
        "A warm command over the bare batch",
        f"""
        Both sides send the same batch (read event 1, create event 2 of 0.6 KB) {_COMMANDS} times, one after the
        other, through the SDK to the local Cosmos DB in a process of its own; {scale.rounds} rounds, in turns.
        application: `CommandHandler.handle` with a warm cache: stream queue, decide, encode, check sizes,
        batch, session token, fold, cache.
        bare batch: `execute_item_batch` of items that were made before.
        The local server answers in a millisecond or two. What an account takes in the same region comes on top of
        both sides, and brings the ratio closer to 1.
        """,
        ["", "ms, median", "ratio"],
        [
            [_APPLICATION, timings.median(_APPLICATION) * 1e3, ratio],
            [_BARE, timings.median(_BARE) * 1e3, 1.0],
        ],
        [Goal("warm command over bare batch", 1.3, ratio)],
    )


async def _place(services: Services, order_id: str) -> None:
    command = PlaceOrder(order_id, CUSTOMER, LINES)
    await services.commands.handle(ORDER, new_context().to(ORDER.stream_id(order_id), command), probably_new=True)
