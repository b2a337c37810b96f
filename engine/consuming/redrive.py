"""Dead letters again: what the bus gave up after crashes goes out once more, once what crashed is mended."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from engine.consuming.messages import Delivery, MessageConsumer, MessageRunner
from engine.consuming.retry_policy import RetryPolicy
from engine.messaging.port import Bus, DeadLetter, DeadLetters, Message

_AT_ONCE: Final = 100
_LONGEST_ID: Final = 128
"""Characters of a message id, for Service Bus."""


@dataclass(frozen=True, slots=True)
class Redrive:
    """Safe to interrupt and to run again: the id of a copy says whose it is, and handlers are safe to repeat."""

    dead_letters: DeadLetters
    bus: Bus
    messages: MessageRunner
    retry_policy: RetryPolicy

    async def count(self, entity: str) -> int:
        """How many dead letters there are now. Raises AdapterError."""
        found, last = 0, 0
        while page := await self.dead_letters.dead_letters(entity, last, _AT_ONCE):
            found += len(page)
            last = page[-1].message.sequence_number
        return found

    async def to_queue(self, queue: str, limit: int, report: Callable[[DeadLetter], None]) -> int:
        """Sends each again, with its session: one of a parked session waits behind it as any message does.

        Returns how many were sent. Raises AdapterError.
        """

        async def send(letter: DeadLetter) -> None:
            await self.bus.send(queue, [_again(letter)])
            report(letter)

        return await self.dead_letters.drain(queue, send, limit)

    async def to_consumer(
        self, subscription: str, consumer: MessageConsumer, limit: int, report: Callable[[DeadLetter], None]
    ) -> int:
        """Hands each to the consumer of the subscription: sent to the topic, it would reach all the others too.

        Returns how many were handled or parked. Raises AdapterError and TransientFailure.
        """

        async def hand_over(letter: DeadLetter) -> None:
            delivery = Delivery(letter.message)
            what = f"dead letter {letter.message.sequence_number} of {subscription}"
            await self.retry_policy.retry(what, lambda: self.messages.attempt(consumer, delivery))
            report(letter)

        return await self.dead_letters.drain(subscription, hand_over, limit)


def _again(letter: DeadLetter) -> Message:
    """Under a new id: the detection window of the queue would drop one that it has seen."""
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
