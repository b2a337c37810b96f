"""A message as it was received, in the terms of `ServiceBusReceivedMessage` of the .NET SDK."""

import base64
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from emulators.amqp.message import Message
from emulators.amqp.values import Decimal, Described, Timestamp
from emulators.functions.servicebus.receiver import Delivery

NEVER = datetime.max.replace(tzinfo=UTC)
_UNKNOWN = datetime.min.replace(tzinfo=UTC)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICKS_PER_MICROSECOND = 10
# The described types of properties that .NET clients send beside those of AMQP.
_TIMESPAN, _URI, _DATE_TIME_OFFSET = (
    "com.microsoft:timespan",
    "com.microsoft:uri",
    "com.microsoft:datetime-offset",
)


class BodyError(Exception):
    """The body is none of bytes; the message is the one of the .NET SDK."""


@dataclass(frozen=True, slots=True)
class ReceivedMessage:
    """What a function can learn of a message. `body` is None for an AMQP value or sequence.

    `locked_until` is in seconds since the epoch, by the broker's clock.
    """

    body: bytes | None
    body_type: str = "Data"
    message_id: str | None = None
    session_id: str | None = None
    partition_key: str | None = None
    transaction_partition_key: str | None = None
    lock_token: str = ""
    correlation_id: str | None = None
    content_type: str | None = None
    subject: str | None = None
    to: str | None = None
    reply_to: str | None = None
    reply_to_session_id: str | None = None
    dead_letter_source: str | None = None
    delivery_count: int = 1
    sequence_number: int = 0
    enqueued_time: datetime = _UNKNOWN
    expires_at: datetime = NEVER
    locked_until: float = 0.0
    application_properties: Mapping[str, Any] = field(default_factory=dict)

    @staticmethod
    def of(delivery: Delivery) -> "ReceivedMessage":
        """Raises emulators.amqp.values.DecodeError for what is no message."""
        message = Message.decode(delivery.payload)
        properties, annotations, header = message.properties, message.annotations, message.header
        enqueued = _moment(annotations.get("x-opt-enqueued-time"), _UNKNOWN)
        token = delivery.lock_token
        return ReceivedMessage(
            body=message.data,
            body_type="Data" if message.data is not None else "Sequence" if message.sequences else "Value",
            message_id=_text(properties.message_id),
            session_id=properties.group_id,
            partition_key=_text(annotations.get("x-opt-partition-key")),
            transaction_partition_key=_text(annotations.get("x-opt-via-partition-key")),
            lock_token="" if token is None else str(token),
            correlation_id=_text(properties.correlation_id),
            content_type=properties.content_type,
            subject=properties.subject,
            to=properties.to,
            reply_to=properties.reply_to,
            reply_to_session_id=properties.reply_to_group_id,
            dead_letter_source=_text(annotations.get("x-opt-deadletter-source")),
            # On the wire it counts the deliveries before this one.
            delivery_count=(0 if header is None else header.delivery_count or 0) + 1,
            sequence_number=int(annotations.get("x-opt-sequence-number") or 0),
            enqueued_time=enqueued,
            expires_at=_expiry(properties.absolute_expiry_time, None if header is None else header.ttl, enqueued),
            locked_until=int(annotations.get("x-opt-locked-until") or 0) / 1000,
            application_properties={
                str(name): property_as_json(value) for name, value in message.application_properties.items()
            },
        )

    @property
    def data(self) -> bytes:
        """The bytes of the body. Raises BodyError if it is an AMQP value or sequence."""
        if self.body is None:
            raise BodyError(
                f"{self.body_type} cannot be retrieved using the Body property. Use GetRawAmqpMessage to access the "
                "underlying Amqp Message object."
            )
        return self.body


def property_as_json(value: Any) -> Any:
    """An application property as Json.NET writes its .NET type."""
    if value is None or (isinstance(value, bool | int | str) and not isinstance(value, Timestamp)):
        return value
    if isinstance(value, Timestamp):
        return f"{iso(_EPOCH + timedelta(milliseconds=value))}Z"
    if isinstance(value, float):
        return value if math.isfinite(value) else {math.inf: "Infinity", -math.inf: "-Infinity"}.get(value, "NaN")
    if isinstance(value, bytes | bytearray | memoryview):
        return base64.b64encode(value).decode()
    if isinstance(value, Decimal):
        return base64.b64encode(value.data).decode()
    if isinstance(value, Described):
        return _described(str(value.descriptor), value.value)
    if isinstance(value, list):
        return [property_as_json(each) for each in value]
    if isinstance(value, dict):
        return {str(name): property_as_json(each) for name, each in value.items()}
    return str(value)


def iso(moment: datetime) -> str:
    """A moment as Json.NET writes one without a zone: the fraction without trailing zeros."""
    if moment == NEVER:
        return "9999-12-31T23:59:59.9999999"
    text = moment.replace(tzinfo=None).isoformat()
    return text.rstrip("0") if moment.microsecond else text


def _described(descriptor: str, value: Any) -> Any:
    if descriptor == _TIMESPAN:
        return _timespan(timedelta(microseconds=value // _TICKS_PER_MICROSECOND))
    if descriptor == _DATE_TIME_OFFSET:
        moment = datetime(1, 1, 1, tzinfo=UTC) + timedelta(microseconds=value // _TICKS_PER_MICROSECOND)
        return f"{iso(moment)}+00:00"
    return str(value) if descriptor == _URI else property_as_json(value)


def _timespan(span: timedelta) -> str:
    sign = "-" if span < timedelta() else ""
    span = abs(span)
    hours, rest = divmod(span.seconds, 3600)
    days = f"{span.days}." if span.days else ""
    fraction = f".{span.microseconds:06}0" if span.microseconds else ""
    return f"{sign}{days}{hours:02}:{rest // 60:02}:{rest % 60:02}{fraction}"


def _text(value: Any) -> str | None:
    """Message and correlation ids may be of four types in AMQP; .NET shows them all as a string."""
    if value is None:
        return None
    return value.hex() if isinstance(value, bytes) else str(value)


def _moment(value: Any, otherwise: datetime) -> datetime:
    if value is None:
        return otherwise
    try:
        return _EPOCH + timedelta(milliseconds=int(value))
    except OverflowError:
        return NEVER


def _expiry(absolute: int | None, ttl: int | None, enqueued: datetime) -> datetime:
    if absolute is not None:
        return _moment(absolute, NEVER)
    if ttl is None:
        return NEVER
    try:
        return enqueued + timedelta(milliseconds=ttl)
    except OverflowError:
        return NEVER
