"""What the receiver of notifications is sent, whatever carries it there. `webhook.py` does, over HTTP.

    { "eventId": "…", "type": "GuestLeft", "stream": "guest-…", "version": 3, "occurredAt": "…Z", "data": {…} }

The receiver's key is the event id: the same event comes again when the sender did not learn that it had arrived.
"""

import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Protocol

from engine.storing.events import StoredEvent, time_at_rest


class NotReceived(Exception):
    """The receiver has not said that it has the notification. The text names no secret, and no address but a host."""


@dataclass(frozen=True, slots=True)
class Notification:
    """`body` is the JSON above, the same bytes however often it is posted."""

    event_id: str
    traceparent: str
    body: bytes


class Webhook(Protocol):
    async def post(self, notification: Notification) -> None:
        """Returns once the receiver has accepted it. Raises NotReceived."""
        ...


def notification_of(event: StoredEvent) -> Notification:
    metadata = event.metadata
    body = {
        "eventId": metadata.event_id,
        "type": event.type,
        "stream": event.stream_id,
        "version": event.version,
        "occurredAt": time_at_rest(metadata.occurred_at),
        "data": event.data,
    }
    return Notification(metadata.event_id, metadata.traceparent, json.dumps(body, separators=(",", ":")).encode())


def signature(secret: str, unix_seconds: int, body: bytes) -> str:
    """The value of `X-Signature`: HMAC-SHA256 over the time, a full stop and the body.

    The time is in it so that a receiver can turn away what somebody recorded and sends again later.
    """
    signed = hmac.new(secret.encode(), b"%d.%b" % (unix_seconds, body), hashlib.sha256)
    return f"t={unix_seconds},v1={signed.hexdigest()}"
