"""How a consumer fails, by what has to happen next.

ConsumerError
├── TransientFailure    the same batch or message again, later: the host brings it
├── PermanentFailure    the same event will fail again: it blocks its consumer until a person acts
└── GaveUp              a consumer that has tried for long enough: its message is parked without another try
"""


class ConsumerError(Exception):
    """Root of the tree above."""


class TransientFailure(ConsumerError):
    pass


class GaveUp(ConsumerError):
    """`attempts` counts all that it has tried."""

    def __init__(self, message: str, attempts: int) -> None:
        super().__init__(message)
        self.attempts = attempts


class PermanentFailure(ConsumerError):
    def __init__(self, consumer: str, stream_id: str, reason: str) -> None:
        super().__init__(f"{consumer} cannot go on with stream {stream_id}: {reason}")
        self.consumer = consumer
        self.stream_id = stream_id
