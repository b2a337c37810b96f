"""A command envelope carries a command, its id and its origin from a request, or from a process, to a stream."""

from typing import Any, NamedTuple


class Origin(NamedTuple):
    """Tells who sent a command, in which conversation, what caused it, and in which trace (W3C `traceparent`)."""

    actor: str
    correlation_id: str
    causation_id: str
    traceparent: str


class CommandEnvelope(NamedTuple):
    """Addresses a command to a stream. The same `command_id` takes effect once.

    `fingerprint` tells a repetition of the request from another request. `expected_version` is the version that the
    caller requires, None for any. `outcome` is true if a client may ask for the outcome later. It is a named tuple: one
    is created per command, and a frozen dataclass takes three times as long to create.
    """

    stream_id: str
    command: Any
    command_id: str
    fingerprint: str
    origin: Origin
    expected_version: int | None = None
    outcome: bool = False
