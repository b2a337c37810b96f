"""Adapters raise these errors; each class says what the caller can do about it.

AdapterError
├── Unavailable             the system is down or slow: ask again after `retry_after` seconds
│   ├── Throttled           the system is asked too often, and refuses the request: nothing has happened
│   └── OutcomeUnknown      the answer to a write was lost: the write may have happened, or may still happen
├── AccessRefused           the system refuses this application (key, rights, containers, entities): an operator acts
│   └── UnsuitableAccount   the account does not have the properties that the guarantees rest on
├── RequestRefused          the system refuses what this request holds, and would refuse it again
└── the conflicts of each port, which are defined next to the port
"""

from typing import Final

REQUEST_LIFETIME: Final = 8.0
"""A request to a store is given up after this many seconds. A query may take several requests."""

OUTCOME_SETTLES_AFTER: Final = 10.0
"""After this many seconds, a request that was given up can no longer take effect. Longer than `REQUEST_LIFETIME`."""


class AdapterError(Exception):
    """Is the base class of every error that an adapter raises."""


class Unavailable(AdapterError):
    """Is raised when a system gives no usable answer now.

    The same request is safe to repeat after `retry_after` seconds, unless a subclass says otherwise.
    """

    def __init__(self, message: str, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Throttled(Unavailable):
    """Is raised when a system is asked too often: it refuses the request, and may accept it later."""


class OutcomeUnknown(Unavailable):
    """Is raised when the answer to a write was lost: the write may still take effect within `retry_after` seconds."""

    def __init__(self, message: str) -> None:
        super().__init__(message, retry_after=OUTCOME_SETTLES_AFTER)


class AccessRefused(AdapterError):
    """Is raised when a system refuses this application; the message says what to check."""


class UnsuitableAccount(AccessRefused):
    """Is raised when the account, or a container in it, lacks a property that the guarantees rest on."""


class RequestRefused(AdapterError):
    """Is raised when a system refuses what a request holds: it is too large, or has a key that cannot be."""
