"""Commands and queries raise these errors, beside domain errors and errors of the store.

CommandError
├── PreconditionFailed   the stream is not at the version that the caller requires
├── CommandIdReused      the same idempotency key was used for a different request
├── UnknownStream        the stream has no events
└── TooBusy              too many commands wait for the stream, or other writers keep winning: repeat the request later
"""


class CommandError(Exception):
    """Is the base class of the errors above."""


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
    """Is raised when a stream is overloaded; the same request may be sent again after `retry_after` seconds."""

    def __init__(self, message: str, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after
