"""A notification tells a receiver outside of one event; `webhook.py` posts it over HTTP.

    { "eventId": "…", "type": "GuestLeft", "stream": "guest-…", "version": 3, "occurredAt": "…Z", "data": {…} }

The event id is the receiver's key: the same event is posted again when the sender did not learn that it had arrived.
"""

import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Protocol

from engine.storing.events import StoredEvent, time_at_rest


class NotReceived(Exception):
    """Is raised when the receiver has not confirmed a notification.

    The message holds no secret, and of the address only the host.
    """


@dataclass(frozen=True, slots=True)
class Notification:
    """Holds the notification of one event. `body` is the JSON above, with the same bytes at every attempt."""

    event_id: str
    traceparent: str
    body: bytes


class Webhook(Protocol):
    async def post(self, notification: Notification) -> None:
        """Returns once the receiver has accepted the notification. Raises NotReceived."""
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
    """Returns the value of `X-Signature`: HMAC-SHA256 over the time, a full stop and the body.

    The time lets a receiver refuse a request that was recorded and is sent again later.
    """
    signed = hmac.new(secret.encode(), b"%d.%b" % (unix_seconds, body), hashlib.sha256)
    return f"t={unix_seconds},v1={signed.hexdigest()}"
