"""A consumer fails with one of these errors; each class says what has to happen next.

ConsumerError
├── TransientFailure    the same batch or message may succeed later: the host delivers it again
├── PermanentFailure    the same event will fail again: its stream is parked until an operator acts
├── NewerMessage        only a newer build can handle the message: it is parked until such a build releases it
└── GaveUp              the consumer has tried for long enough: its message is parked without another try
"""


class ConsumerError(Exception):
    """Is the base class of the errors above."""


class TransientFailure(ConsumerError):
    pass


class NewerMessage(ConsumerError):
    """Is raised for a message that needs a build whose vocabulary is `vocabulary` at least."""

    def __init__(self, message: str, vocabulary: int) -> None:
        super().__init__(message)
        self.vocabulary = vocabulary


class GaveUp(ConsumerError):
    """Is raised by a consumer that has tried for long enough; `attempts` counts all of its tries."""

    def __init__(self, message: str, attempts: int) -> None:
        super().__init__(message)
        self.attempts = attempts


class PermanentFailure(ConsumerError):
    """Is raised for an event that does not apply; `version` is 0 where no single one is the cause."""

    def __init__(self, consumer: str, stream_id: str, reason: str, version: int = 0) -> None:
        super().__init__(f"{consumer} cannot go on with stream {stream_id}: {reason}")
        self.consumer = consumer
        self.stream_id = stream_id
        self.version = version


def explained(error: BaseException) -> str:
    """Says an error and its cause to an operator. For the store alone: their texts may hold what a user wrote."""
    cause = "" if error.__cause__ is None else f" ({error.__cause__!r})"
    return f"{type(error).__name__}: {error}{cause}"
