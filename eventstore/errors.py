"""What can go wrong with the store, by what the caller does about it.

EventStoreError
├── WrongExpectedVersion    someone was first: look up, fold, decide again
├── HistoryLost             the store holds less than this process has seen: forget the stream, fold from event 1
├── AppendTooLarge          the command makes more than one transaction holds: the client asks for less
├── UndecodableEvent        this build should know the event and cannot read it: permanent
├── NewerEvent              the event was written by a newer build: transient, a deployment is under way
├── StoreRefused            the store says no to this application as such (key, rights, containers): an operator acts
└── StoreUnavailable        nothing happened: the same request may be sent again after `retry_after` seconds
    └── OutcomeUnknown      it may have happened, or may still happen
"""


class EventStoreError(Exception):
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


class StoreRefused(EventStoreError):
    pass


class StoreUnavailable(EventStoreError):
    """`retry_after` is in seconds."""

    def __init__(self, message: str, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class OutcomeUnknown(StoreUnavailable):
    """The answer to a write was lost. It may still take effect within `retry_after` seconds."""

    def __init__(self, message: str) -> None:
        super().__init__(message, retry_after=OUTCOME_SETTLES_AFTER)


REQUEST_LIFETIME = 8.0
"""Seconds that one request to the store may take before it is given up."""

OUTCOME_SETTLES_AFTER = 10.0
"""Seconds after which a request that was given up can no longer take effect; longer than `REQUEST_LIFETIME`."""
