"""What can be wrong with whatever stores or sends, by what the caller does about it.

AdapterError
├── Unavailable         away, throttled or late: the same again after `retry_after` seconds
│   └── OutcomeUnknown  the answer to a write was lost: it may have happened, or may still happen
├── AccessRefused       it says no to this application as such (key, rights, containers, entities): an operator acts
│   └── UnsuitableAccount   the account is not what the guarantees rest on
└── and beside them, the conflicts of each port, next to the port
"""

from typing import Final

REQUEST_LIFETIME: Final = 8.0
"""Seconds that one request to a store may take before it is given up."""

OUTCOME_SETTLES_AFTER: Final = 10.0
"""Seconds after which a request that was given up can no longer take effect; longer than `REQUEST_LIFETIME`."""


class AdapterError(Exception):
    """Root of the tree above."""


class Unavailable(AdapterError):
    """`retry_after` is in seconds. Unless it says otherwise, what was asked for is safe to ask for again."""

    def __init__(self, message: str, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class OutcomeUnknown(Unavailable):
    """It may still take effect within `retry_after` seconds."""

    def __init__(self, message: str) -> None:
        super().__init__(message, retry_after=OUTCOME_SETTLES_AFTER)


class AccessRefused(AdapterError):
    """The text says what to check."""


class UnsuitableAccount(AccessRefused):
    """The account, or a container in it, is not what the guarantees of this service rest on."""
