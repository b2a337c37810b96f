"""`extensions.serviceBus` of host.json: how the triggers of Service Bus receive."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from emulators.functions.sections import Section, SectionError
from emulators.functions.timespans import parse_timespan

# ServiceBusOptions of the extension takes this for "renew as long as it takes".
_INFINITE = "-00:00:00.0010000"
# Options of the extension's major versions before 5, and those that extension 5 takes them for. Of several spellings of
# one option the first counts, and a name of today counts more than any of them.
_OLD_NAMES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "autoCompleteMessages": (
        ("messageHandlerOptions", "autoComplete"),
        ("sessionHandlerOptions", "autoComplete"),
        ("batchOptions", "autoComplete"),
    ),
    "maxAutoLockRenewalDuration": (
        ("messageHandlerOptions", "maxAutoRenewDuration"),
        ("sessionHandlerOptions", "maxAutoRenewDuration"),
    ),
    "maxConcurrentCalls": (("messageHandlerOptions", "maxConcurrentCalls"),),
    "maxConcurrentSessions": (("sessionHandlerOptions", "maxConcurrentSessions"),),
    "maxMessageBatchSize": (("batchOptions", "maxMessageCount"),),
    "sessionIdleTimeout": (("sessionHandlerOptions", "messageWaitTime"),),
}
_LONGEST_BATCH_WAIT_S = 150.0


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


def parse_service_bus_options(section: Section) -> ServiceBusOptions:
    """The options in the section; what has no effect is told. Raises SectionError for what stops the real host."""
    section.tell_unknown(_READ.keys() | _OF_NO_EFFECT.keys() | _old_sections().keys() | {"clientRetryOptions"})
    for name, check in _OF_NO_EFFECT.items():
        if name in section:
            check(section, name)
    old = {name: section.section(name) for name in _old_sections()}
    for name, fields in _old_sections().items():
        old[name].tell_unknown(fields)
    read = {}
    for name, (attribute, parse) in _READ.items():
        if name in section:
            read[attribute] = parse(section.get(name), section.where(name))
            continue
        for where, former in _OLD_NAMES.get(name, ()):
            if former in old[where]:
                read[attribute] = parse(old[where].get(former), old[where].where(former))
                break
    options = ServiceBusOptions(**read, retry=_retry_options(section.section("clientRetryOptions")))
    if _least_batch(section) > options.max_batch_size:
        raise SectionError(
            f"{section.where('minMessageBatchSize')}: the minimum message batch size must be less than the maximum "
            "message batch size"
        )
    return options


def _old_sections() -> dict[str, list[str]]:
    """The sections of old names, and what is read in each."""
    found: dict[str, list[str]] = {}
    for places in _OLD_NAMES.values():
        for section, name in places:
            found.setdefault(section, []).append(name)
    return found


def _least_batch(section: Section) -> int:
    name = "minMessageBatchSize"
    return _at_least(1)(section.get(name, 1), section.where(name))


def _retry_options(section: Section) -> RetryOptions:
    section.tell_unknown(_READ_OF_RETRY.keys())
    read = {
        attribute: parse(section.get(key), section.where(key))
        for key, (attribute, parse) in _READ_OF_RETRY.items()
        if key in section
    }
    return RetryOptions(**read)


def _flag(value: object, name: str) -> bool:
    if isinstance(value, bool):
        return value
    # An override in the environment is a text.
    if str(value).lower() in ("true", "false"):
        return str(value).lower() == "true"
    raise SectionError(f"{name} must be true or false, not {value!r}")


def _at_least(least: int) -> Callable[[object, str], int]:
    def parse(value: object, name: str) -> int:
        try:
            number = None if isinstance(value, bool | float) else int(str(value))
        except ValueError:
            number = None
        if number is None or number < least:
            raise SectionError(f"{name} must be a number of at least {least}, not {value!r}")
        return number

    return parse


def _duration(value: object, name: str) -> float:
    try:
        return parse_timespan(str(value))
    except ValueError as error:
        raise SectionError(f"{name}: {error}") from error


def _positive_duration(value: object, name: str) -> float:
    seconds = _duration(value, name)
    if seconds <= 0:
        raise SectionError(f"{name} must be longer than zero")
    return seconds


def _renewal(value: object, name: str) -> float | None:
    return None if str(value) == _INFINITE else _duration(value, name)


def _mode(value: object, name: str) -> bool:
    if str(value).lower() not in ("fixed", "exponential"):
        raise SectionError(f"{name} must be 'fixed' or 'exponential', not {value!r}")
    return str(value).lower() == "exponential"


def _only_tcp(section: Section, name: str) -> None:
    value = str(section.get(name)).lower()
    if value not in ("amqptcp", "amqpwebsockets"):
        raise SectionError(f"{section.where(name)} must be 'amqpTcp' or 'amqpWebSockets', not {section.get(name)!r}")
    if value != "amqptcp":
        section.warn(f"{section.where(name)}: {section.get(name)!r} is not supported here, 'amqpTcp' is used")


def _only_false(section: Section, name: str) -> None:
    if _flag(section.get(name), section.where(name)):
        section.warn(f"{section.where(name)} is not supported here and is ignored")


def _unsupported(section: Section, name: str) -> None:
    if section.get(name):
        section.warn(f"{section.where(name)} is not supported here and is ignored")


def _only_one(section: Section, name: str) -> None:
    if _least_batch(section) != 1:
        section.warn(f"{section.where(name)} above 1 is not supported here, batches may have a single message")


def _batch_wait(section: Section, name: str) -> None:
    if (
        str(section.get(name)) != _INFINITE
        and _duration(section.get(name), section.where(name)) > _LONGEST_BATCH_WAIT_S
    ):
        raise SectionError(f"{section.where(name)} must be at most 00:02:30")


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
# Checked, because a wrong value stops the real host, too. The others change nothing here, and that is told.
_OF_NO_EFFECT: Mapping[str, Callable[[Section, str], None]] = {
    "transportType": _only_tcp,
    "webProxy": _unsupported,
    "enableCrossEntityTransactions": _only_false,
    "minMessageBatchSize": _only_one,
    "maxBatchWaitTime": _batch_wait,
}
