"""What the broker refuses, with the conditions by which the official SDKs recognise each kind."""

from __future__ import annotations

from typing import Final

from emulators.amqp.performatives import Error

MESSAGE_LOCK_LOST: Final = "com.microsoft:message-lock-lost"
SESSION_LOCK_LOST: Final = "com.microsoft:session-lock-lost"
NOT_IMPLEMENTED: Final = "amqp:not-implemented"


class ServiceBusError(Exception):
    """A refusal. `condition` goes onto the wire, `status` beside it in answers of `$management`."""

    def __init__(self, condition: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.condition = condition
        self.message = message
        self.status = status

    def to_amqp(self) -> Error:
        # All three fields, always: the Python SDK reads the third without looking whether it is there.
        return Error(self.condition, self.message, {})


def entity_not_found(address: str) -> ServiceBusError:
    return ServiceBusError("amqp:not-found", f"The messaging entity '{address}' could not be found.", 404)


def not_allowed(message: str) -> ServiceBusError:
    return ServiceBusError("amqp:not-allowed", message)


def not_implemented(feature: str) -> ServiceBusError:
    return ServiceBusError(NOT_IMPLEMENTED, f"devstack does not support this: {feature}.", 501)


def argument_error(message: str) -> ServiceBusError:
    return ServiceBusError("com.microsoft:argument-error", message)


def message_lock_lost() -> ServiceBusError:
    return ServiceBusError(
        MESSAGE_LOCK_LOST,
        "The lock supplied is invalid. Either the lock expired, or the message was already removed from the queue.",
        410,
    )


def session_lock_lost(session: str) -> ServiceBusError:
    return ServiceBusError(
        SESSION_LOCK_LOST, f"The session lock has expired on session '{session}'. Accept a new session.", 410
    )


def session_cannot_be_locked(session: str) -> ServiceBusError:
    return ServiceBusError(
        "com.microsoft:session-cannot-be-locked",
        f"The requested session '{session}' cannot be accepted. It may be locked by another receiver.",
        410,
    )


def no_session_available(seconds: float) -> ServiceBusError:
    return ServiceBusError(
        "com.microsoft:timeout", f"The operation did not complete within the allotted timeout of {seconds:.1f} s.", 408
    )


def message_not_found(sequence_number: int) -> ServiceBusError:
    return ServiceBusError(
        "com.microsoft:message-not-found", f"No message with sequence number {sequence_number} was found.", 404
    )


def message_too_large(size: int, limit: int) -> ServiceBusError:
    return ServiceBusError(
        "amqp:link:message-size-exceeded", f"The message has {size} bytes; the limit is {limit} bytes.", 413
    )
