"""An event as it is kept, and as it is understood."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, NamedTuple, TypeVar

E = TypeVar("E", covariant=True)


class Metadata(NamedTuple):
    """How an event came about. `occurred_at` is UTC; `fingerprint` is of the client's request.

    A named tuple, like `StoredEvent`: one of each is made per event read, and a frozen dataclass takes three times as
    long to make.
    """

    event_id: str
    occurred_at: datetime
    correlation_id: str
    causation_id: str
    traceparent: str
    actor: str
    fingerprint: str


class StoredEvent(NamedTuple):
    """One event of a stream, its data still in the form of its schema at rest.

    `command_key` is `<commandId>/<index>`: unique in the stream, so that a command takes effect once.
    """

    stream_id: str
    version: int
    type: str
    schema: int
    command_key: str
    data: Mapping[str, Any]
    metadata: Metadata

    @property
    def command_id(self) -> str:
        return self.command_key.rpartition("/")[0]


@dataclass(frozen=True, slots=True)
class RecordedEvent(Generic[E]):
    """A decoded event with its place and time, as projections see it."""

    stream_id: str
    version: int
    event: E
    occurred_at: datetime


def time_at_rest(time: datetime) -> str:
    """UTC, `Z`, a fraction without trailing zeros: the one form that the trigger's host passes on unchanged.

    The Functions host re-writes strings that look like date-times (`.120Z` becomes `.12Z`); this form is its fixpoint.
    """
    text = time.astimezone(UTC).replace(tzinfo=None).isoformat()
    return (text.rstrip("0") if "." in text else text) + "Z"


def time_from_rest(text: str) -> datetime:
    """Raises ValueError for a text without a zone, or one that is no ISO 8601 date-time."""
    time = datetime.fromisoformat(text)
    if time.tzinfo is UTC:
        return time
    if time.tzinfo is None:
        raise ValueError("a time without a zone")
    return time.astimezone(UTC)
