"""The message runner passes one message of the bus to one consumer, and parks it when it keeps failing.

A message that no build can understand is parked alone, and no other message waits for it. A message that is understood
and keeps failing parks its session: later messages of the session wait behind it, in the store of parked messages, and
the bus delivers the other sessions. A message is completed once it is handled or parked.
"""

import logging
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from engine.consuming.errors import GaveUp, TransientFailure
from engine.consuming.parked.port import Failure, ParkedStore
from engine.consuming.retry_policy import TRANSIENT
from engine.messaging.port import Received
from engine.messaging.wire import UnreadableMessage

TRIES_BEFORE_PARKING: Final = 5

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class MessageConsumer:
    """Handles the messages of one kind; `handle` is safe to repeat.

    It raises UnreadableMessage for a message that no build can understand, and GaveUp when it has tried for long
    enough.
    """

    name: str
    handle: Callable[[Received], Awaitable[None]]


@dataclass(slots=True)
class Delivery:
    """Holds a message that this worker process is handling, and how often it has failed here."""

    message: Received
    failures: int = 0


@dataclass(frozen=True, slots=True)
class MessageRunner:
    parked: ParkedStore
    clock: Callable[[], datetime]

    async def attempt(self, consumer: MessageConsumer, delivery: Delivery) -> None:
        """Returns once the message may be completed. Raises one of `TRANSIENT` if it should be tried again later."""
        if await self._waits_behind_its_session(consumer, delivery.message):
            return
        try:
            await consumer.handle(delivery.message)
        except TRANSIENT:
            raise
        except UnreadableMessage as error:
            await self._park_alone(consumer, delivery.message, error, attempts=1)
        except GaveUp as error:
            delivery.failures = error.attempts
            await self._park(consumer, delivery, error)
        except Exception as error:
            delivery.failures += 1
            if delivery.failures < TRIES_BEFORE_PARKING:
                raise TransientFailure(f"{type(error).__name__}: {error}") from error
            await self._park(consumer, delivery, error)

    async def _waits_behind_its_session(self, consumer: MessageConsumer, message: Received) -> bool:
        if message.session_id is None or message.session_id not in await self.parked.sessions(consumer.name):
            return False
        return await self.parked.add(consumer.name, message)

    async def _park(self, consumer: MessageConsumer, delivery: Delivery, error: Exception) -> None:
        message = delivery.message
        if message.session_id is None:
            await self._park_alone(consumer, message, error, delivery.failures)
            return
        _log.error(
            "%s parks session %s at message %s: %s", consumer.name, message.session_id, message.message_id, error
        )
        await self.parked.park(consumer.name, message, failure_of(error, delivery.failures, self.clock()))

    async def _park_alone(self, consumer: MessageConsumer, message: Received, error: Exception, attempts: int) -> None:
        _log.error("%s parks message %s alone: %s", consumer.name, message.message_id, error)
        await self.parked.park_alone(consumer.name, message, failure_of(error, attempts, self.clock()))


def failure_of(error: BaseException, attempts: int, at: datetime) -> Failure:
    """Returns the failure that an operator sees with a parked message."""
    return Failure(f"{type(error).__name__}: {error}", "".join(traceback.format_exception(error)), attempts, at)
