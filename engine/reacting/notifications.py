"""The notification consumer posts events from the subscription and the queue `notifications` to a webhook.

A receiver that is down delays notifications but loses none. After a few tries, an event that is not accepted goes to
the queue, scheduled, with its attempt count; after the last of `DELAYS`, about a day, it is parked alone. Notifications
may come in any order. An event is posted again only when the receiver's answer, or the completion of the message
after it, was lost: the receiver's key is the event id.
"""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from engine.consuming.errors import GaveUp
from engine.messaging.notification import Notification, NotReceived, Webhook, notification_of
from engine.messaging.port import Bus, Message, Received
from engine.messaging.topology import NOTIFICATION_QUEUE
from engine.messaging.wire import UnreadableMessage, read_event
from engine.storing.events import StoredEvent

PAUSES: Final = (0.5, 3.0)
"""A new event is tried again after each of these pauses, in seconds.

The pauses and the posts together are far shorter than the longest renewal of a lock.
"""

DELAYS: Final = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=15),
    timedelta(minutes=30),
    timedelta(hours=1),
    timedelta(hours=2),
    timedelta(hours=4),
    timedelta(hours=8),
    timedelta(hours=8),
)
"""Each attempt after the first waits for its delay, 23 h 51 min in all. Such an attempt is one try."""

ATTEMPT: Final = "attempt"
"""This application property counts attempts: 1 for the first scheduled copy."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class NotificationConsumer:
    """Posts events to the webhook; without one, it drops them. `pause(seconds)` waits between tries."""

    webhook: Webhook | None
    bus: Bus
    clock: Callable[[], datetime]
    pause: Callable[[float], Awaitable[None]]

    async def handle(self, received: Received) -> None:
        """Returns once the receiver has accepted the event, or a scheduled copy will try again.

        Raises UnreadableMessage, AdapterError, and GaveUp after the last attempt.
        """
        if self.webhook is None:
            return
        event, attempt = read_event(received), _attempt(received)
        try:
            await self._post(self.webhook, notification_of(event), () if attempt else PAUSES)
        except NotReceived as error:
            if attempt >= len(DELAYS):
                raise GaveUp(f"{error}; nor did it accept the event in a day", attempt + 1) from error
            await self.bus.send(NOTIFICATION_QUEUE, [self._copy(received, event, attempt)])
            _log.warning(
                "notification of event %s is delayed by %s: %s", event.metadata.event_id, DELAYS[attempt], error
            )

    async def _post(self, webhook: Webhook, notification: Notification, pauses: tuple[float, ...]) -> None:
        for seconds in pauses:
            try:
                await webhook.post(notification)
            except NotReceived:
                await self.pause(seconds)
            else:
                return
        await webhook.post(notification)

    def _copy(self, received: Received, event: StoredEvent, attempt: int) -> Message:
        """Returns the scheduled copy under a new id: the detection window of the queue would drop an id seen before."""
        metadata = event.metadata
        return Message(
            message_id=f"{metadata.event_id}/{attempt + 1}",
            session_id=None,
            subject=event.type,
            body=received.body,
            correlation_id=metadata.correlation_id,
            properties={**received.properties, ATTEMPT: attempt + 1},
            due=self.clock() + DELAYS[attempt],
        )


def _attempt(received: Received) -> int:
    attempt = received.properties.get(ATTEMPT, 0)
    if type(attempt) is not int or attempt < 0:
        raise UnreadableMessage(f"its attempt count is {attempt!r}, which is no count")
    return attempt
