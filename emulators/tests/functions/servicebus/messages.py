"""Messages as a broker delivers them."""

import uuid
from typing import Any

from emulators.amqp.message import Message
from emulators.amqp.performatives import Header, Properties
from emulators.amqp.values import Symbol, Timestamp
from emulators.functions.servicebus.message import ReceivedMessage
from emulators.functions.servicebus.receiver import Delivery

TOKEN = uuid.UUID("01e8dd82-70b4-40a7-8fc1-230cbf982a65")
# 2026-11-23T07:24:04.888Z
ENQUEUED = 1795418644888


def delivery(
    body: bytes | None = b"{}",
    *,
    value: Any = None,
    sequences: tuple[list[Any], ...] = (),
    ttl: int | None = 3_600_000,
    earlier: int = 0,
    sequence_number: int = 1,
    application_properties: dict[str, Any] | None = None,
    annotations: dict[str, Any] | None = None,
    token: bytes = TOKEN.bytes_le,
    **properties: Any,
) -> Delivery:
    """A delivery; `earlier` counts the ones before it."""
    said = {"x-opt-enqueued-time": Timestamp(ENQUEUED), "x-opt-sequence-number": sequence_number, **(annotations or {})}
    message = Message(
        header=Header(ttl=ttl, delivery_count=earlier),
        annotations={Symbol(name): each for name, each in said.items()},
        properties=Properties(**properties),
        application_properties=application_properties or {},
        data=body,
        value=value,
        sequences=sequences,
    )
    return Delivery(0, token, message.encode())


def received(body: bytes | None = b"{}", **message: Any) -> ReceivedMessage:
    return ReceivedMessage.of(delivery(body, **message))
