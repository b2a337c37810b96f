"""What a function is given: the messages, and the trigger metadata that the library reads their attributes from.

Names and types are those that the real host sent to the real worker with the binding data of extension 5.x.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from decimal import Decimal
from enum import Enum
from types import SimpleNamespace
from typing import Any

from azure.functions.meta import Datum

from emulators.functions.json_values import parse, written
from emulators.functions.rewriting import date_in, rewrite
from emulators.functions.servicebus.message import ReceivedMessage, iso


class DataType(Enum):
    """`dataType` of a binding."""

    UNDEFINED = "UNDEFINED"
    STRING = "STRING"
    BINARY = "BINARY"


class ConversionError(Exception):
    """The host cannot make of the messages what the binding asks for; the function is not called."""


class BindingData:
    """Makes inputs and metadata for one function. `identifier` names the client, as the SDK's own does."""

    def __init__(self, parameter: str, data_type: DataType, namespace: str, identifier: str) -> None:
        self._parameter = parameter
        self._data_type = data_type
        client = {
            "FullyQualifiedNamespace": namespace,
            "IsClosed": False,
            "TransportType": 0,
            "Identifier": identifier,
        }
        self._client = written(client)

    def single(self, message: ReceivedMessage, lock: str | None) -> tuple[dict[str, Datum | None], dict[str, Datum]]:
        """Input and metadata for one message; `lock` is until when its session is locked, None without sessions.

        Raises BodyError for a body that is no bytes.
        """
        metadata = self._actions(lock)
        texts = _texts(message)
        for name, text in texts.items():
            if text is not None:
                metadata[name] = Datum(text, "string")
        properties = written(message.application_properties)
        for name, text in _times(message).items():
            metadata[name] = Datum(f'"{text}"', "json")
        for name, value in (
            ("DeliveryCount", str(message.delivery_count)),
            ("SequenceNumber", str(message.sequence_number)),
            ("ApplicationProperties", properties),
            ("UserProperties", properties),
        ):
            metadata[name] = Datum(value, "json")
        if self._data_type is DataType.BINARY:
            return {self._parameter: Datum(message.data, "bytes")}, metadata
        body = message.data.decode("utf-8", "replace")
        _overlay(metadata, body, texts)
        return {self._parameter: Datum(body, "string")}, metadata

    def batch(
        self, messages: Sequence[ReceivedMessage], lock: str | None
    ) -> tuple[dict[str, Datum | None], dict[str, Datum]]:
        """Input and metadata for a list of messages.

        Raises BodyError for a body that is no bytes, ConversionError where the host wants JSON and there is none.
        """
        metadata = self._actions(lock)
        texts = [_texts(message) for message in messages]
        for name in texts[0]:
            # The worker does not announce that it takes empty entries, so the host leaves them out: arrays shift.
            column = [each[name] for each in texts if each[name]]
            metadata[f"{name}Array"] = Datum(SimpleNamespace(string=column), "collection_string")
        # In a batch the host fills the column of transactions from the one of partitions.
        metadata["TransactionPartitionKeyArray"] = metadata["PartitionKeyArray"]
        times = [_times(message) for message in messages]
        for name in times[0]:
            metadata[f"{name}Array"] = Datum(written([each[name] for each in times]), "json")
        numbers = [message.sequence_number for message in messages]
        metadata["SequenceNumberArray"] = Datum(SimpleNamespace(sint64=numbers), "collection_sint64")
        metadata["DeliveryCountArray"] = Datum(written([each.delivery_count for each in messages]), "json")
        properties = Datum(written([each.application_properties for each in messages]), "json")
        metadata["ApplicationPropertiesArray"] = metadata["UserPropertiesArray"] = properties
        return {self._parameter: self._bodies(messages)}, metadata

    def _bodies(self, messages: Sequence[ReceivedMessage]) -> Datum:
        if self._data_type is DataType.BINARY:
            return Datum(SimpleNamespace(bytes=[message.data for message in messages]), "collection_bytes")
        if self._data_type is DataType.STRING:
            texts = [message.data.decode("utf-8", "replace") for message in messages]
            return Datum(SimpleNamespace(string=[text for text in texts if text]), "collection_string")
        bodies = [rewrite(self._parsed(message)) for message in messages]
        try:
            return Datum(written(bodies), "json")
        except ValueError as error:
            raise ConversionError(f"Exception binding parameter '{self._parameter}': {error}") from error

    def _parsed(self, message: ReceivedMessage) -> Any:
        try:
            return parse(message.data)
        except ValueError as error:
            raise ConversionError(
                f"Exception binding parameter '{self._parameter}': Binding parameters to complex objects (such as "
                f"'Object') uses Json.NET serialization or XML object serialization. The JSON parser failed: {error} "
                f"(message {message.sequence_number}; data_type=STRING or BINARY takes any body)"
            ) from error

    def _actions(self, lock: str | None) -> dict[str, Datum]:
        session = Datum("{}" if lock is None else f'{{"SessionLockedUntil":"{lock}"}}', "json")
        names = ("MessageReceiver", "MessageSession", "MessageActions", "SessionActions")
        return {
            **dict.fromkeys(names, session),
            "ReceiveActions": Datum("{}", "json"),
            "Client": Datum(self._client, "json"),
        }


def _texts(message: ReceivedMessage) -> dict[str, str | None]:
    return {
        "MessageId": message.message_id,
        "SessionId": message.session_id,
        "PartitionKey": message.partition_key or message.session_id,
        "TransactionPartitionKey": message.transaction_partition_key,
        "LockToken": message.lock_token,
        "CorrelationId": message.correlation_id,
        "ContentType": message.content_type,
        "Subject": message.subject,
        "Label": message.subject,
        "To": message.to,
        "ReplyTo": message.reply_to,
        "ReplyToSessionId": message.reply_to_session_id,
        "DeadLetterSource": message.dead_letter_source,
    }


def _times(message: ReceivedMessage) -> dict[str, str]:
    enqueued, expires = iso(message.enqueued_time), iso(message.expires_at)
    return {
        "EnqueuedTimeUtc": enqueued,
        "EnqueuedTime": f"{enqueued}+00:00",
        "ExpiresAtUtc": expires,
        "ExpiresAt": f"{expires}+00:00",
    }


def _overlay(metadata: dict[str, Datum], body: str, texts: Iterable[str]) -> None:
    """The host's pitfall: top-level properties of a JSON object overwrite what the broker said of the message.

    Arrays and nulls are left out, objects stay JSON, all else becomes a string.
    """
    if not body.strip().startswith("{"):
        return
    try:
        content = parse(body)
    except ValueError:
        return
    known = {name.lower(): name for name in (*metadata, *texts)}
    for name, value in content.items():
        if value is None or isinstance(value, list):
            continue
        # The host knows the name already, if only without a value: that spelling stays.
        name = known.setdefault(name.lower(), name)
        with suppress(ValueError):
            metadata[name] = (
                Datum(written(rewrite(value)), "json") if isinstance(value, dict) else Datum(said(value), "string")
            )


def said(value: Any) -> str:
    """A JSON value as .NET converts it to a string, independent of culture."""
    if isinstance(value, str):
        date = date_in(value)
        return value if date is None else date.moment.strftime("%m/%d/%Y %H:%M:%S")
    if isinstance(value, float):
        return _floatsaid(value)
    return str(value)


def _floatsaid(value: float) -> str:
    exact = Decimal(repr(value)).normalize()
    exponent = exact.adjusted()
    if not exact.is_finite() or -5 < exponent < 15:
        return f"{exact:f}"
    digits = "".join(str(digit) for digit in exact.as_tuple().digits)
    mantissa = digits if len(digits) == 1 else f"{digits[0]}.{digits[1:]}"
    return f"{'-' if value < 0 else ''}{mantissa}E{'+' if exponent > 0 else '-'}{abs(exponent):02}"
