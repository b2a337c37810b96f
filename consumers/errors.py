"""How a consumer fails, by what has to happen next.

ConsumerError
├── TransientFailure    the same batch again, later: the host's retry policy does that
└── PermanentFailure    the same event will fail again: it blocks its consumer until a person acts
"""


class ConsumerError(Exception):
    """Root of the tree above."""


class TransientFailure(ConsumerError):
    pass


class PermanentFailure(ConsumerError):
    def __init__(self, consumer: str, stream_id: str, reason: str) -> None:
        super().__init__(f"{consumer} cannot go on with stream {stream_id}: {reason}")
        self.consumer = consumer
        self.stream_id = stream_id
