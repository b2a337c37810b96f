"""A stored event has its data as JSON; a recorded event has the decoded event."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, TypeVar

from msgspec import Meta, Struct

E = TypeVar("E", covariant=True)


class Metadata(Struct, frozen=True, rename="camel", gc=False):
    """Tells how an event came about. `occurred_at` is in UTC; `fingerprint` is that of the client's request.

    It is a struct, like `StoredEvent`: msgspec reads and checks both at once, in less time than it takes to create
    two dataclasses.
    """

    event_id: str
    occurred_at: Annotated[datetime, Meta(tz=True)]
    correlation_id: str
    causation_id: str
    traceparent: str
    actor: str
    fingerprint: str


class StoredEvent(Struct, frozen=True, rename="camel", gc=False):
    """A stored event is one event of a stream, with its data in the schema that it was written with.

    `command_key` is `<commandId>/<index>`. It is unique in the stream, so a command takes effect once. `data` is a JSON
    object: msgspec would copy a mapping, and takes anything as it is.
    """

    stream_id: str
    version: int
    type: str
    schema: Annotated[int, Meta(ge=1)]
    command_key: str
    data: Any
    metadata: Metadata

    @property
    def command_id(self) -> str:
        return self.command_key.rpartition("/")[0]


@dataclass(frozen=True, slots=True)
class RecordedEvent(Generic[E]):
    """A recorded event is a decoded event with its stream, version and time. Projections take it."""

    stream_id: str
    version: int
    event: E
    occurred_at: datetime


def time_at_rest(time: datetime) -> str:
    """Returns the time in UTC, with `Z` and a fraction without trailing zeros: the form that the host leaves unchanged.

    The Functions host rewrites strings that look like date-times (`.120Z` becomes `.12Z`); it rewrites this form to
    itself.
    """
    text = time.astimezone(UTC).replace(tzinfo=None).isoformat()
    return (text.rstrip("0") if "." in text else text) + "Z"


def time_from_rest(text: str) -> datetime:
    """Returns the time in UTC. Raises ValueError for a text that is no ISO 8601 date-time, or has no zone."""
    time = datetime.fromisoformat(text)
    if time.tzinfo is UTC:
        return time
    if time.tzinfo is None:
        raise ValueError("a time without a zone")
    return time.astimezone(UTC)
