"""Rules of subscriptions: a name and a filter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from emulators.servicebus.properties import MessageProperties
from emulators.servicebus.sql.parse import parse

# The fields of a correlation filter as configurations name them, and the system property that each compares.
CORRELATION_FIELDS: Final = {
    "CorrelationId": "correlationid",
    "MessageId": "messageid",
    "To": "to",
    "ReplyTo": "replyto",
    "Label": "label",
    "SessionId": "sessionid",
    "ReplyToSessionId": "replytosessionid",
    "ContentType": "contenttype",
}


@dataclass(frozen=True)
class CorrelationFilter:
    """Equality of every field that is given: `system` by lower-case name, `user` by name, case-sensitive."""

    system: Mapping[str, str] = field(default_factory=dict)
    user: Mapping[str, Any] = field(default_factory=dict)

    def matches(self, message: MessageProperties) -> bool:
        for name, wanted in self.system.items():
            if message.system(name) != wanted:
                return False
        if not self.user:
            return True
        found = message.application()
        return all(_equal(found.get(name), wanted) for name, wanted in self.user.items())


@dataclass(frozen=True)
class SqlFilter:
    expression: str

    def matches(self, message: MessageProperties) -> bool:
        return parse(self.expression)(message) is True


@dataclass(frozen=True)
class ConstantFilter:
    """The true filter and the false filter."""

    value: bool

    def matches(self, message: MessageProperties) -> bool:  # noqa: ARG002 - whatever the message
        return self.value


Filter = CorrelationFilter | SqlFilter | ConstantFilter


@dataclass(frozen=True)
class Rule:
    name: str
    filter: Filter


DEFAULT_RULE: Final = Rule("$Default", ConstantFilter(True))


def correlation_rule(name: str, fields: Mapping[str, Any]) -> Rule:
    """From the fields of a configuration, of which an empty text counts as not given."""
    system = {
        CORRELATION_FIELDS[key]: str(value) for key, value in fields.items() if key in CORRELATION_FIELDS and value
    }
    return Rule(name, CorrelationFilter(system, dict(fields.get("Properties") or {})))


def sql_rule(name: str, expression: str) -> Rule:
    """Raises SqlError."""
    parse(expression)
    return Rule(name, SqlFilter(expression))


def _equal(found: Any, wanted: Any) -> bool:
    # True is no 1 here.
    return isinstance(found, bool) is isinstance(wanted, bool) and bool(found == wanted)
