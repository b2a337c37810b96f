"""A redrive sends dead letters again, once the cause of the crashes that made them is removed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from engine.consuming.messages import Delivery, MessageConsumer, MessageRunner
from engine.consuming.retry_policy import RetryPolicy
from engine.messaging.port import Bus, DeadLetter, DeadLetters, Message

_AT_ONCE: Final = 100
_LONGEST_ID: Final = 128
"""Service Bus accepts message ids of at most this many characters."""


@dataclass(frozen=True, slots=True)
class Redrive:
    """Handles dead letters again. It is safe to interrupt and to repeat.

    The id of a copy is derived from its dead letter, and handlers are safe to repeat.
    """

    dead_letters: DeadLetters
    bus: Bus
    messages: MessageRunner
    retry_policy: RetryPolicy

    async def count(self, entity: str) -> int:
        """Returns how many dead letters there are now. Raises AdapterError."""
        found, last = 0, 0
        while page := await self.dead_letters.dead_letters(entity, last, _AT_ONCE):
            found += len(page)
            last = page[-1].message.sequence_number
        return found

    async def to_queue(self, queue: str, limit: int, report: Callable[[DeadLetter], None]) -> int:
        """Sends up to `limit` dead letters to their queue again, with their sessions, and reports each.

        A message of a parked session waits behind it, as any other does. Returns how many were sent. Raises
        AdapterError.
        """

        async def send(letter: DeadLetter) -> None:
            await self.bus.send(queue, [_again(letter)])
            report(letter)

        return await self.dead_letters.drain(queue, send, limit)

    async def to_consumer(
        self, subscription: str, consumer: MessageConsumer, limit: int, report: Callable[[DeadLetter], None]
    ) -> int:
        """Passes up to `limit` dead letters to the consumer of the subscription, and reports each.

        Sent to the topic, they would reach all other subscriptions too. Returns how many were handled or parked. Raises
        AdapterError and TransientFailure.
        """

        async def hand_over(letter: DeadLetter) -> None:
            delivery = Delivery(letter.message)
            what = f"dead letter {letter.message.sequence_number} of {subscription}"
            await self.retry_policy.retry(what, lambda: self.messages.attempt(consumer, delivery))
            report(letter)

        return await self.dead_letters.drain(subscription, hand_over, limit)


def _again(letter: DeadLetter) -> Message:
    """Returns a copy under a new id: the detection window of the queue would drop an id that it has seen."""
    message = letter.message
    number = f"~{message.sequence_number}"
    return Message(
        message_id=message.message_id[: _LONGEST_ID - len(number)] + number,
        session_id=message.session_id,
        subject=letter.subject,
        body=message.body,
        correlation_id=letter.correlation_id,
        properties=message.properties,
    )
