"""What an event store says beside `engine/errors.py`, by what the caller does about it.

EventStoreError
├── WrongExpectedVersion    someone was first: look up, fold, decide again
├── HistoryLost             the store holds less than this process has seen: forget the stream, fold from event 1
├── AppendTooLarge          the command makes more than one transaction holds: the client asks for less
├── UndecodableEvent        this build should know the event and cannot read it: permanent
└── NewerEvent              the event was written by a newer build: transient, a deployment is under way
"""

from engine.errors import AdapterError


class EventStoreError(AdapterError):
    """Root of the tree above."""


class WrongExpectedVersion(EventStoreError):
    """The stream has events beyond the expected version, or an event of this very command."""

    def __init__(self, stream_id: str, expected: int) -> None:
        super().__init__(f"stream {stream_id} is no longer at version {expected}")
        self.stream_id = stream_id
        self.expected = expected


class HistoryLost(EventStoreError):
    """The store was restored, or failed over with loss, under a warm instance."""

    def __init__(self, stream_id: str) -> None:
        super().__init__(f"stream {stream_id} has lost events that this process has seen")
        self.stream_id = stream_id


class AppendTooLarge(EventStoreError):
    pass


class UndecodableEvent(EventStoreError):
    def __init__(self, stream_id: str, version: int, reason: str) -> None:
        super().__init__(f"event {version} of stream {stream_id}: {reason}")
        self.stream_id = stream_id
        self.version = version


class NewerEvent(EventStoreError):
    def __init__(self, stream_id: str, version: int, type_: str, schema: int) -> None:
        super().__init__(
            f"event {version} of stream {stream_id} is a {type_} of schema {schema}, which this build does not know"
        )
        self.stream_id = stream_id
        self.version = version
