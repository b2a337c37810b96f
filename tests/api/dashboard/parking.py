"""What consumers may have put aside in a world."""

from datetime import timedelta
from typing import Any

from domain.money import Money
from domain.order.commands import CancelOrder, PlaceOrder
from domain.order.events import OrderLine
from engine.consuming.parked.port import Failure
from engine.consuming.parked_streams.port import ParkedStream, Why
from engine.messaging.port import Received
from engine.messaging.topology import COMMAND_QUEUE
from tests.engine.contexts import TRACE, context
from tests.outside.values import SOON
from tests.outside.world import World
from tests.registered import ENVELOPES

SESSION = "order-o-1"
PLACE = PlaceOrder("o-1", "ada", (OrderLine("mug", 1, Money(100, "EUR")),))
CANCEL = CancelOrder("<b>no")


def message(number: int, command: Any, session: str = SESSION) -> Received:
    sent = ENVELOPES.command_message(context(f"c-{number}").to(session, command))
    return Received(f"m-{number}", session, number, sent.body, {"traceparent": TRACE})


async def park_session(world: World, *messages: Received, newer: int | None = None) -> None:
    for each in messages:
        failure = Failure("ValueError: a <b>defect", "Traceback …", 5, SOON, newer)
        await world.services.parked.park(COMMAND_QUEUE, each, failure)


async def park_alone(world: World, number: int, body: bytes, consumer: str = COMMAND_QUEUE) -> str:
    """Parks a message, and returns its key."""
    failure = Failure("UnreadableMessage: its body is not JSON", "Traceback …", 1, SOON + timedelta(seconds=number))
    alone = Received(f"m-{number}", None, number, body, {"traceparent": TRACE})
    await world.services.parked.park_alone(consumer, alone, failure)
    return f"{number}-m-{number}"


async def park_stream(
    world: World,
    consumer: str,
    stream_id: str,
    first: int = 1,
    *,
    why: Why = "failed",
    automatic: bool = False,
    version: int | None = None,
) -> None:
    at = first if version is None else version
    parked = ParkedStream(
        stream_id, first, first, at, "OrderPlaced", why, "k", "ValueError: no", "Traceback …", 5, SOON, automatic
    )
    await world.services.parked_streams.park(consumer, parked)
