"""A release handles the messages of a parked session in order, and then ends the parking of the session."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from engine.consuming.messages import MessageConsumer, failure_of
from engine.consuming.parked.port import ParkedAlone, ParkedStore
from engine.consuming.retry_policy import TRANSIENT
from engine.messaging.port import Received
from engine.messaging.wire import UnreadableMessage

_AT_ONCE: Final = 100


@dataclass(frozen=True, slots=True)
class Released:
    """Reports a release. `error` says why it stopped; None if the session is free."""

    handled: int
    error: str | None


@dataclass(frozen=True, slots=True)
class Release:
    """Releases parked messages.

    It is safe to interrupt, to repeat, and to run twice at once: handlers are safe to repeat.
    """

    parked: ParkedStore
    clock: Callable[[], datetime]
    pause: Callable[[float], Awaitable[None]]

    async def session(self, consumer: MessageConsumer, session_id: str, report: Callable[[Received], None]) -> Released:
        """Handles the messages that wait, until the session is free or one of them fails.

        `report` gets each handled message. A message that no build can understand is parked alone, and counts as
        handled. Raises one of `TRANSIENT` when a store or the bus is not available.
        """
        handled: set[int] = set()
        while not await self.parked.free(consumer.name, session_id):
            waiting = await self.parked.waiting(consumer.name, session_id, _AT_ONCE)
            if all(message.sequence_number in handled for message in waiting):
                # A lagging replica does not show all messages yet that the primary replica counts.
                await self.pause(0.1)
            for message in waiting:
                # A handled message may still show there, or was delivered again: it is removed, not handled again.
                if message.sequence_number not in handled:
                    error = await self._handled(consumer, message)
                    if error is not None:
                        return Released(len(handled), error)
                    handled.add(message.sequence_number)
                    report(message)
                await self.parked.remove(consumer.name, message)
        return Released(len(handled), None)

    async def alone(self, consumer: MessageConsumer, parked: ParkedAlone) -> str | None:
        """Handles a message that was parked alone, and removes it.

        Returns the error if it fails again; it stays parked then. Raises one of `TRANSIENT` when a store or the bus is
        not available.
        """
        try:
            await consumer.handle(parked.message)
        except TRANSIENT:
            raise
        except Exception as error:  # noqa: BLE001 - every error is shown to the operator
            failure = failure_of(error, parked.failure.attempts + 1, self.clock())
            await self.parked.park_alone(consumer.name, parked.message, failure)
            return failure.error
        await self.parked.remove_alone(consumer.name, parked.key)
        return None

    async def _handled(self, consumer: MessageConsumer, message: Received) -> str | None:
        try:
            await consumer.handle(message)
        except TRANSIENT:
            raise
        except UnreadableMessage as error:
            await self.parked.park_alone(consumer.name, message, failure_of(error, 1, self.clock()))
        except Exception as error:  # noqa: BLE001 - every error stops the release, so the messages stay in order
            assert message.session_id is not None
            parked = await self.parked.session(consumer.name, message.session_id)
            attempts = 1 if parked is None else parked.failure.attempts + 1
            failure = failure_of(error, attempts, self.clock())
            await self.parked.failed_again(consumer.name, message.session_id, failure)
            return failure.error
        return None
