"""A command on its way: one value from the request, or the event that issued it, to the stream that it changes."""

from typing import Any, NamedTuple


class Origin(NamedTuple):
    """Who asks, as part of which conversation, because of what, and in which trace (W3C `traceparent`)."""

    actor: str
    correlation_id: str
    causation_id: str
    traceparent: str


class CommandEnvelope(NamedTuple):
    """The same `command_id` takes effect once; `fingerprint` tells whether it is really the same request.

    `expected_version` is what the caller insists on. `outcome`: a client waits for what comes of it.
    A named tuple, since one is made per command: a frozen dataclass takes three times as long to make.
    """

    stream_id: str
    command: Any
    command_id: str
    fingerprint: str
    origin: Origin
    expected_version: int | None = None
    outcome: bool = False
