"""What the measurements work on: contexts, orders and events as long as those that HTTP makes."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from domain.money import Money
from domain.order.events import OrderLine
from domain.registry import AGGREGATES
from engine.messaging.envelope import Origin
from engine.messaging.wire import EnvelopeCodec
from engine.storing.codec import EventCodec
from engine.storing.events import Metadata, StoredEvent
from engine.storing.items import to_item
from engine.triggers.http_requests import CommandRequest

CODEC: Final = EventCodec.of(AGGREGATES)
ENVELOPES: Final = EnvelopeCodec(AGGREGATES)
CUSTOMER: Final = "ada"
LINES: Final = (OrderLine("mug", 2, Money(1250, "EUR")), OrderLine("cup", 1, Money(900, "EUR")))
_TRACEPARENT: Final = f"00-{'4b' * 16}-{'7d' * 8}-01"
_FINGERPRINT: Final = "f" * 22
_BEGINNING: Final = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


def new_id() -> str:
    return str(uuid.uuid4())


def new_context() -> CommandRequest[None]:
    key = new_id()
    return CommandRequest(None, key, _FINGERPRINT, Origin("anonymous", key, key, _TRACEPARENT), None)


def new_item(stream_id: str, version: int, event: object) -> dict[str, Any]:
    """The item of a domain event, as the store would write it."""
    type_, schema, data = CODEC.encode(event)
    context = new_context()
    metadata = Metadata(
        new_id(),
        _BEGINNING + timedelta(seconds=version),
        context.origin.correlation_id,
        context.origin.causation_id,
        context.origin.traceparent,
        context.origin.actor,
        context.fingerprint,
    )
    return to_item(StoredEvent(stream_id, version, type_, schema, f"{context.command_id}/0", data, metadata))
