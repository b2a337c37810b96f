"""`BusFunctions` passes each message of the bus to one consumer."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import azure.functions as func

from engine.clock import utc_now
from engine.consuming import observed
from engine.consuming.messages import Delivery
from engine.consuming.retry_policy import RetryPolicy
from engine.messaging.port import Received
from engine.triggers.ended import ended_by_the_host

if TYPE_CHECKING:
    from engine.services import Services


@dataclass(frozen=True, slots=True)
class BusFunctions:
    """A function returns once its message is handled or parked.

    It raises when the retry policy gives up: the host gives the message back to the bus, which delivers it again.
    """

    services: "Callable[[], Awaitable[Services]]"
    retry_policy: RetryPolicy

    async def consume(self, name: str, message: func.ServiceBusMessage) -> None:
        """Passes the message to the consumer `name`. Raises TransientFailure when the retry policy gives up."""
        received = _received(message)
        attempt = partial(self._attempt, name, Delivery(received))
        async with ended_by_the_host():
            with observed.message(name, received):
                await self.retry_policy.retry(f"message {received.message_id} of {name}", attempt)

    async def _attempt(self, name: str, delivery: Delivery) -> None:
        services = await self.services()
        await services.messages.attempt(services.consumers[name], delivery)


def bus_functions(services: "Callable[[], Awaitable[Services]]") -> BusFunctions:
    """Returns the functions of the bus. `services` connects on first use, and a message waits for that too."""
    return BusFunctions(services, RetryPolicy(utc_now, asyncio.sleep))


def _received(message: func.ServiceBusMessage) -> Received:
    return Received(
        message_id=message.message_id or "",
        session_id=message.session_id,
        sequence_number=message.sequence_number or 0,
        body=message.get_body(),
        properties=message.application_properties or {},
        deliveries=message.delivery_count or 1,
    )
