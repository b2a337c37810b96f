"""The bus: a message in, one consumer on."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import azure.functions as func

from engine.clock import utc_now
from engine.consuming.errors import TransientFailure
from engine.consuming.messages import Delivery
from engine.consuming.retry_policy import RetryPolicy
from engine.messaging.port import Received

if TYPE_CHECKING:
    from engine.services import Services


@dataclass(frozen=True, slots=True)
class BusFunctions:
    """A failure raises: the host gives the message back to the bus, which brings it again."""

    services: "Callable[[], Awaitable[Services]]"
    retry_policy: RetryPolicy

    async def consume(self, name: str, message: func.ServiceBusMessage) -> None:
        """Hands the message to the consumer `name`. Raises TransientFailure once it has waited for long enough."""
        received = _received(message)
        attempt = partial(self._attempt, name, Delivery(received))
        try:
            await self.retry_policy.retry(f"message {received.message_id} of {name}", attempt)
        except asyncio.CancelledError:
            # One that escapes a handler is never answered by the worker: the invocation would hang.
            raise TransientFailure("the host ended the invocation") from None

    async def _attempt(self, name: str, delivery: Delivery) -> None:
        services = await self.services()
        await services.messages.attempt(services.consumers[name], delivery)


def bus_functions(services: "Callable[[], Awaitable[Services]]") -> BusFunctions:
    """`services` connects on first use: a message waits for that too."""
    return BusFunctions(services, RetryPolicy(utc_now, asyncio.sleep))


def _received(message: func.ServiceBusMessage) -> Received:
    return Received(
        message_id=message.message_id or "",
        session_id=message.session_id,
        sequence_number=message.sequence_number or 0,
        body=message.get_body(),
        properties=message.application_properties or {},
    )
