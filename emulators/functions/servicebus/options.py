"""`extensions.serviceBus` of host.json: how the triggers of Service Bus receive."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from emulators.functions.timespans import parse_timespan

_SECTION = "extensions.serviceBus"
# ServiceBusOptions of the extension takes this for "renew as long as it takes".
_INFINITE = "-00:00:00.0010000"
# Options of the extension's major versions before 5, with what took their place.
_OLD_NAMES = {
    "sessionHandlerOptions": "maxConcurrentSessions, maxAutoLockRenewalDuration, autoCompleteMessages",
    "messageHandlerOptions": "maxConcurrentCalls, maxAutoLockRenewalDuration, autoCompleteMessages",
    "batchOptions": "maxMessageBatchSize",
}
_LONGEST_BATCH_WAIT_S = 150.0


class ServiceBusOptionsError(Exception):
    """The section cannot be used; the message names the entry."""


@dataclass(frozen=True)
class RetryOptions:
    """`clientRetryOptions`: for calls between host and broker, never for functions. Times are seconds.

    `exponential` tells whether delays grow from `delay` to `max_delay`; `try_timeout` bounds one call.
    """

    exponential: bool = True
    try_timeout: float = 60.0
    delay: float = 0.8
    max_delay: float = 60.0
    max_retries: int = 3


@dataclass(frozen=True)
class ServiceBusOptions:
    """The entries of the section, with the extension's defaults. Times are seconds.

    `max_lock_renewal` is None for renewal without end, `session_idle_timeout` None for the try timeout.
    """

    prefetch_count: int = 0
    auto_complete: bool = True
    max_lock_renewal: float | None = 300.0
    max_concurrent_calls: int = field(default_factory=lambda: 16 * (os.cpu_count() or 1))
    max_concurrent_sessions: int = 8
    max_calls_per_session: int = 1
    max_batch_size: int = 1000
    session_idle_timeout: float | None = None
    retry: RetryOptions = field(default=RetryOptions())

    @property
    def session_idle(self) -> float:
        """How long a session may be without a message before it is given back."""
        return self.retry.try_timeout if self.session_idle_timeout is None else self.session_idle_timeout

    def hurried(self, factor: float) -> "ServiceBusOptions":
        """The same options with the times that one waits through divided by `factor`."""
        return replace(
            self,
            max_lock_renewal=None if self.max_lock_renewal is None else self.max_lock_renewal / factor,
            session_idle_timeout=self.session_idle / factor,
            retry=replace(self.retry, delay=self.retry.delay / factor, max_delay=self.retry.max_delay / factor),
        )


def parse_service_bus_options(section: Mapping[str, Any]) -> ServiceBusOptions:
    """The options in the section. Raises ServiceBusOptionsError for what nobody would act on."""
    old = next((name for name in section if name in _OLD_NAMES), None)
    if old is not None:
        raise ServiceBusOptionsError(f"{_SECTION}.{old} is of extension 4; in bundle 4.x it is {_OLD_NAMES[old]}")
    _refuse_unknown(section, _SECTION, _READ.keys() | _OF_NO_EFFECT.keys() | {"clientRetryOptions"})
    for name, check in _OF_NO_EFFECT.items():
        if name in section:
            check(section[name], f"{_SECTION}.{name}")
    read = {
        attribute: parse(section[name], f"{_SECTION}.{name}")
        for name, (attribute, parse) in _READ.items()
        if name in section
    }
    return ServiceBusOptions(**read, retry=_retry_options(section.get("clientRetryOptions", {})))


def _retry_options(section: object) -> RetryOptions:
    name = f"{_SECTION}.clientRetryOptions"
    if not isinstance(section, Mapping):
        raise ServiceBusOptionsError(f"{name} must be a JSON object")
    _refuse_unknown(section, name, _READ_OF_RETRY.keys())
    read = {
        attribute: parse(section[key], f"{name}.{key}")
        for key, (attribute, parse) in _READ_OF_RETRY.items()
        if key in section
    }
    return RetryOptions(**read)


def _refuse_unknown(section: Mapping[str, Any], where: str, known: set[str] | Any) -> None:
    unknown = sorted(set(section) - set(known))
    if unknown:
        raise ServiceBusOptionsError(
            f"{where} does not know {', '.join(unknown)} (it knows {', '.join(sorted(known))})"
        )


def _flag(value: object, name: str) -> bool:
    if isinstance(value, bool):
        return value
    # An override in the environment is a text.
    if str(value).lower() in ("true", "false"):
        return str(value).lower() == "true"
    raise ServiceBusOptionsError(f"{name} must be true or false, not {value!r}")


def _at_least(least: int) -> Callable[[object, str], int]:
    def parse(value: object, name: str) -> int:
        try:
            number = None if isinstance(value, bool | float) else int(str(value))
        except ValueError:
            number = None
        if number is None or number < least:
            raise ServiceBusOptionsError(f"{name} must be a number of at least {least}, not {value!r}")
        return number

    return parse


def _duration(value: object, name: str) -> float:
    try:
        return parse_timespan(str(value))
    except ValueError as error:
        raise ServiceBusOptionsError(f"{name}: {error}") from error


def _positive_duration(value: object, name: str) -> float:
    seconds = _duration(value, name)
    if seconds <= 0:
        raise ServiceBusOptionsError(f"{name} must be longer than zero")
    return seconds


def _renewal(value: object, name: str) -> float | None:
    return None if str(value) == _INFINITE else _duration(value, name)


def _mode(value: object, name: str) -> bool:
    if str(value).lower() not in ("fixed", "exponential"):
        raise ServiceBusOptionsError(f"{name} must be 'fixed' or 'exponential', not {value!r}")
    return str(value).lower() == "exponential"


def _only_tcp(value: object, name: str) -> None:
    if str(value).lower() != "amqptcp":
        raise ServiceBusOptionsError(f"{name}: {value!r} is not supported here, only 'amqpTcp'")


def _only_false(value: object, name: str) -> None:
    if _flag(value, name):
        raise ServiceBusOptionsError(f"{name} is not supported here")


def _unsupported(value: object, name: str) -> None:
    if value:
        raise ServiceBusOptionsError(f"{name} is not supported here")


def _only_one(value: object, name: str) -> None:
    if _at_least(1)(value, name) != 1:
        raise ServiceBusOptionsError(f"{name} above 1 is not supported here")


def _batch_wait(value: object, name: str) -> None:
    if _duration(value, name) > _LONGEST_BATCH_WAIT_S:
        raise ServiceBusOptionsError(f"{name} must be at most 00:02:30")


_READ: Mapping[str, tuple[str, Callable[[object, str], Any]]] = {
    "prefetchCount": ("prefetch_count", _at_least(0)),
    "autoCompleteMessages": ("auto_complete", _flag),
    "maxAutoLockRenewalDuration": ("max_lock_renewal", _renewal),
    "maxConcurrentCalls": ("max_concurrent_calls", _at_least(1)),
    "maxConcurrentSessions": ("max_concurrent_sessions", _at_least(1)),
    "maxConcurrentCallsPerSession": ("max_calls_per_session", _at_least(1)),
    "maxMessageBatchSize": ("max_batch_size", _at_least(1)),
    "sessionIdleTimeout": ("session_idle_timeout", _positive_duration),
}
_READ_OF_RETRY: Mapping[str, tuple[str, Callable[[object, str], Any]]] = {
    "mode": ("exponential", _mode),
    "tryTimeout": ("try_timeout", _positive_duration),
    "delay": ("delay", _positive_duration),
    "maxDelay": ("max_delay", _positive_duration),
    "maxRetries": ("max_retries", _at_least(0)),
}
# Checked, because a wrong value stops the real host, too; the values that pass change nothing.
_OF_NO_EFFECT: Mapping[str, Callable[[object, str], None]] = {
    "transportType": _only_tcp,
    "webProxy": _unsupported,
    "enableCrossEntityTransactions": _only_false,
    "minMessageBatchSize": _only_one,
    "maxBatchWaitTime": _batch_wait,
}
