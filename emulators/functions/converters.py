"""Between values on the wire and Python objects: the converters of azure.functions, found as the worker does."""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from azure.functions import meta
from azure.functions.meta import Datum
from azure.functions.servicebus import ServiceBusMessageInConverter

_TIME_OF_THE_HOST = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,7})?", re.ASCII)


class _Generic:
    """The worker's converter for bindings that the library does not know, and for `str` and `bytes`."""

    @staticmethod
    def check_input_type_annotation(pytype: type) -> bool:
        return issubclass(pytype, str | bytes)

    @staticmethod
    def check_output_type_annotation(pytype: type) -> bool:
        return issubclass(pytype, str | bytes | bytearray)

    @staticmethod
    def decode(data: Datum | None, *, trigger_metadata: object) -> Any:
        del trigger_metadata
        if data is None or data.type in ("string", "bytes", "json", None):
            return None if data is None else data.value
        raise ValueError(f'unexpected type of data received for the "generic" binding : {data.type!r}')

    @staticmethod
    def encode(value: Any, *, expected_type: type | None) -> Datum:
        del expected_type
        if isinstance(value, str):
            return Datum(value, "string")
        if isinstance(value, bytes | bytearray):
            return Datum(bytes(value), "bytes")
        if isinstance(value, dict | list):
            return Datum(json.dumps(value), "json")
        if isinstance(value, int):
            return integer(value)
        if isinstance(value, float):
            return Datum(value, "double")
        if value is None:
            return Datum(None, None)
        raise NotImplementedError


def integer(value: int) -> Datum:
    """A number as the wire has it, of 64 bits. Raises ValueError as protobuf does."""
    if -(2**63) <= value < 2**63:
        return Datum(int(value), "int")
    raise ValueError(f"Value out of range: {value}")


class _MessageConverter(ServiceBusMessageInConverter, binding=None, trigger=True):
    """The library's own, but for the times that the host itself writes.

    The library tries twelve formats with strptime before the right one, which takes half a millisecond for the two
    times of a message: more than all the rest that is done for it.
    """

    @classmethod
    def _parse_datetime(cls, datetime_str: str | None) -> datetime | None:
        if datetime_str is not None and _TIME_OF_THE_HOST.fullmatch(datetime_str):
            # fromisoformat cuts the seventh digit off, as the library does.
            return datetime.fromisoformat(datetime_str)
        parsed: datetime | None = super()._parse_datetime(datetime_str)
        return parsed


def converter_of(binding_type: str) -> Any:
    """The converter that the worker would use for a binding type."""
    registry = meta.get_binding_registry()  # type: ignore[no-untyped-call]
    found = registry.get(binding_type) or _Generic
    return _MessageConverter if found is ServiceBusMessageInConverter else found


def has_implicit_output(binding_type: str) -> bool:
    """Whether a binding of this type makes the return value an output without `$return`."""
    converter = converter_of(binding_type)
    if converter is _Generic:
        return binding_type != "durableClient"
    return bool(getattr(converter, "has_implicit_output", lambda: False)())


def decode(binding_type: str, datum: Datum | None, trigger_metadata: Mapping[str, Datum]) -> Any:
    """The object that the function receives. Raises TypeError where the worker does, with its message."""
    converter = converter_of(binding_type)
    is_trigger = getattr(converter, "_trigger", None) is not None
    try:
        return converter.decode(datum, trigger_metadata=trigger_metadata if is_trigger else {})
    except NotImplementedError:
        raise TypeError(
            "unable to decode incoming TypedData: unsupported combination of TypedData field "
            f"{None if datum is None else datum.type!r} and expected binding type {converter}"
        ) from None


def encode(binding_type: str, value: Any) -> Datum | None:
    """What the worker would send to the host, if it sends anything. Raises as the worker does, with its message."""
    converter = converter_of(binding_type)
    try:
        datum: Datum = converter.encode(value, expected_type=None)
    except NotImplementedError:
        raise TypeError(
            f'unable to encode outgoing TypedData: unsupported type "{converter}" for '
            f'Python type "{type(value).__name__}"'
        ) from None
    return None if datum.type is None else datum
