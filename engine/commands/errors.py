"""What a use case answers beside a domain error or an error of the store.

CommandError
├── PreconditionFailed   the stream is not at the version that the caller insists on
├── CommandIdReused      the same key was used for a different request
├── UnknownStream        nothing has ever happened there
└── TooBusy              too many commands wait for one stream, or too many others win: later, the same request again
"""


class CommandError(Exception):
    """Root of the tree above."""


class PreconditionFailed(CommandError):
    def __init__(self, expected: int, actual: int) -> None:
        super().__init__(f"The stream is at version {actual}, the request insists on version {expected}.")
        self.expected = expected
        self.actual = actual


class CommandIdReused(CommandError):
    def __init__(self) -> None:
        super().__init__("This idempotency key has been used for a different request. Send a new one.")


class UnknownStream(CommandError):
    def __init__(self, stream_id: str, explanation: str = "There is nothing under this id.") -> None:
        super().__init__(explanation)
        self.stream_id = stream_id


class TooBusy(CommandError):
    """`retry_after` is in seconds."""

    def __init__(self, message: str, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after
