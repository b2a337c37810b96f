"""The message runner passes one message of the bus to one consumer, and parks it when it keeps failing.

A message that no build can understand is parked alone, and no other message waits for it. A message that is understood
and keeps failing parks its session: later messages of the session wait behind it, in the store of parked messages, and
the bus delivers the other sessions. So does a message that only a newer build understands, at once: until that build
releases it, later messages of its session do not overtake it. A message is completed once it is handled or parked.
"""

import logging
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from engine.consuming.errors import GaveUp, NewerMessage, TransientFailure, explained
from engine.consuming.parked.known import KEPT_FOR, KnownSessions
from engine.consuming.parked.port import Failure, ParkedStore
from engine.consuming.retry_policy import TRANSIENT
from engine.messaging.port import Received
from engine.messaging.wire import UnreadableMember, UnreadableMessage, vocabulary_of
from engine.storing.errors import NewerEvent, UndecodableEvent
from engine.telemetry.logs import told

TRIES_BEFORE_PARKING: Final = 5

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class MessageConsumer:
    """Handles the messages of one kind with `handler`, which is safe to repeat; `vocabulary` is that of this build."""

    name: str
    handler: Callable[[Received], Awaitable[None]]
    vocabulary: int

    async def handle(self, message: Received) -> None:
        """Handles a message.

        Raises NewerMessage for one that a newer build has sent or is concerned with, UnreadableMessage for one that no
        build can understand, GaveUp when the handler has tried for long enough, and the other errors of the handler.
        """
        try:
            await self.handler(message)
        except NewerEvent as error:
            raise NewerMessage(str(error), max(vocabulary_of(message), self.vocabulary + 1)) from error
        except (UnreadableMessage, UnreadableMember, UndecodableEvent) as error:
            if vocabulary_of(message) <= self.vocabulary:
                raise
            raise NewerMessage(str(error), vocabulary_of(message)) from error


@dataclass(slots=True)
class Delivery:
    """Holds a message that this worker process is handling, and how often it has failed here."""

    message: Received
    failures: int = 0


@dataclass(frozen=True, slots=True)
class MessageRunner:
    """Runs consumers; `pause(seconds)` holds the message of a session that was parked, as `KEPT_FOR` says."""

    parked: ParkedStore
    known: KnownSessions
    clock: Callable[[], datetime]
    pause: Callable[[float], Awaitable[None]]

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
        except NewerMessage as error:
            delivery.failures += 1
            await self._park(consumer, delivery, error)
        except GaveUp as error:
            delivery.failures = error.attempts
            await self._park(consumer, delivery, error)
        except Exception as error:
            delivery.failures += 1
            if delivery.failures < TRIES_BEFORE_PARKING:
                raise TransientFailure(told(error)) from error
            await self._park(consumer, delivery, error)

    async def _waits_behind_its_session(self, consumer: MessageConsumer, message: Received) -> bool:
        if message.session_id is None or message.session_id not in await self.known.of(consumer.name):
            return False
        return await self.parked.add(consumer.name, message)

    async def _park(self, consumer: MessageConsumer, delivery: Delivery, error: Exception) -> None:
        message = delivery.message
        if message.session_id is None:
            await self._park_alone(consumer, message, error, delivery.failures)
            return
        # In every deployment, old builds meet newer messages: no operator has to act.
        log = _log.warning if isinstance(error, NewerMessage) else _log.error
        log("%s parks session %s at message %s: %s", consumer.name, message.session_id, message.message_id, told(error))
        await self.parked.park(consumer.name, message, failure_of(error, delivery.failures, self.clock()))
        self.known.forget(consumer.name)
        await self.pause(KEPT_FOR)

    async def _park_alone(self, consumer: MessageConsumer, message: Received, error: Exception, attempts: int) -> None:
        _log.error("%s parks message %s alone: %s", consumer.name, message.message_id, told(error))
        await self.parked.park_alone(consumer.name, message, failure_of(error, attempts, self.clock()))


def failure_of(error: BaseException, attempts: int, at: datetime) -> Failure:
    """Returns the failure that an operator sees with a parked message."""
    trace = "".join(traceback.format_exception(error))
    newer = error.vocabulary if isinstance(error, NewerMessage) else None
    return Failure(explained(error), trace, attempts, at, newer)
