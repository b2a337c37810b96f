"""What can go wrong between this host and a broker.

BusError                      refused by the broker, with its condition
├── NoSessionError            no session had a message in time
├── LockLostError             of a message or a session: what it held goes to another receiver
└── BusUnavailableError       no connection, or one that broke
"""

from emulators.amqp.performatives import Error


class BusError(Exception):
    """The broker refused something. `condition` is its AMQP error condition, the message its description."""

    def __init__(self, condition: str, description: str) -> None:
        super().__init__(description)
        self.condition = condition


class NoSessionError(BusError):
    """No session became free in the time that was given."""


class LockLostError(BusError):
    """The lock ran out or went to another receiver; nothing can be settled under it."""


class BusUnavailableError(BusError):
    """The broker cannot be reached, or the connection to it broke."""

    def __init__(self, description: str) -> None:
        super().__init__("amqp:connection:forced", description)


_BY_CONDITION = {
    "com.microsoft:timeout": NoSessionError,
    "com.microsoft:message-lock-lost": LockLostError,
    "com.microsoft:session-lock-lost": LockLostError,
}


def error_of(error: Error | None, otherwise: str) -> BusError:
    """What the broker said, as one of these; `otherwise` is the message if it gave no reason."""
    if error is None:
        return BusUnavailableError(otherwise)
    return _BY_CONDITION.get(error.condition, BusError)(
        str(error.condition), error.description or f"{otherwise} ({error.condition})"
    )
