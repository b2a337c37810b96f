"""An event store raises these errors beside those of `engine/errors.py`; each class says what the caller does about it.

EventStoreError
├── WrongExpectedVersion    another writer was first: look up, fold, decide again
├── HistoryLost             the store has fewer events than this instance has seen: fold from event 1
├── AppendTooLarge          the command makes more than one transaction holds: the client asks for less
├── StreamFull              the stream has the size that one stream may have: it takes no events any more
├── FeedReset               the feed does not have what was read of it before: it is walked anew
├── UndecodableEvent        this build should be able to read the event, and cannot: permanent
└── NewerEvent              a newer build wrote the event: a build that knows it handles it

A HoleInStream is an Unavailable: the store does not show an event yet, or not any more.
"""

from engine.errors import AdapterError, Unavailable


class EventStoreError(AdapterError):
    """Is the base class of the errors above."""


class WrongExpectedVersion(EventStoreError):
    """Is raised when the stream is past the expected version, or already holds an event of this command."""

    def __init__(self, stream_id: str, expected: int) -> None:
        super().__init__(f"stream {stream_id} is no longer at version {expected}")
        self.stream_id = stream_id
        self.expected = expected


class HistoryLost(EventStoreError):
    """Is raised when the store was restored, or failed over with loss, while this instance was running."""

    def __init__(self, stream_id: str) -> None:
        super().__init__(f"stream {stream_id} has lost events that this process has seen")
        self.stream_id = stream_id


class AppendTooLarge(EventStoreError):
    pass


class StreamFull(EventStoreError):
    def __init__(self, stream_id: str) -> None:
        super().__init__(f"Stream {stream_id} has the size that one stream may have, and takes no more events.")
        self.stream_id = stream_id


class UndecodableEvent(EventStoreError):
    def __init__(self, stream_id: str, version: int, reason: str) -> None:
        super().__init__(f"event {version} of stream {stream_id}: {reason}")
        self.stream_id = stream_id
        self.version = version


class HoleInStream(Unavailable):
    pass


class NewerEvent(EventStoreError):
    def __init__(self, stream_id: str, version: int, type_: str, schema: int) -> None:
        super().__init__(
            f"event {version} of stream {stream_id} is a {type_} of schema {schema}, which this build does not know"
        )
        self.stream_id = stream_id
        self.version = version
        self.type = type_
        self.schema = schema


class FeedReset(EventStoreError):
    """Is raised when a continuation of the change feed is not one of the events that are there: it was restored."""

    def __init__(self) -> None:
        super().__init__("the events are not those that were read before: the store was restored, or made anew")
