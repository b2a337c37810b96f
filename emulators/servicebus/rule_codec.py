"""Rules as `$management` carries them, and as the store keeps them.

Descriptors: the constants of Azure.Messaging.ServiceBus; rules and filters are described lists.
"""

from __future__ import annotations

from typing import Any, Final

from emulators.amqp.decoding import decode
from emulators.amqp.encoding import encode
from emulators.amqp.values import Described, ULong
from emulators.servicebus.errors import argument_error, not_implemented
from emulators.servicebus.rules import ConstantFilter, CorrelationFilter, Filter, Rule, SqlFilter, sql_rule
from emulators.servicebus.sql.errors import SqlError

_RULE: Final = ULong(0x13700000004)
_EMPTY_ACTION: Final = ULong(0x13700000005)
_SQL_FILTER: Final = ULong(0x1370000006)
_TRUE_FILTER: Final = ULong(0x1370000007)
_FALSE_FILTER: Final = ULong(0x1370000008)
_CORRELATION_FILTER: Final = ULong(0x1370000009)

# The fields of a correlation filter in a request, and the system property that each compares.
_REQUEST_FIELDS: Final = {
    "correlation-id": "correlationid",
    "message-id": "messageid",
    "to": "to",
    "reply-to": "replyto",
    "label": "label",
    "session-id": "sessionid",
    "reply-to-session-id": "replytosessionid",
    "content-type": "contenttype",
}


def rule_of_request(body: dict[Any, Any]) -> Rule:
    """The rule that `add-rule` asks for. Raises ServiceBusError."""
    description = body.get("rule-description")
    name = body.get("rule-name")
    if not isinstance(description, dict) or not isinstance(name, str) or not name:
        raise argument_error("add-rule needs a rule-name and a rule-description.")
    action = description.get("sql-rule-action")
    if isinstance(action, dict) and action.get("expression"):
        raise not_implemented("actions of rules")
    if isinstance(sql := description.get("sql-filter"), dict):
        try:
            return sql_rule(name, str(sql.get("expression")))
        except SqlError as error:
            raise argument_error(f"The filter of rule '{name}' is not valid: {error}.") from error
    if isinstance(correlation := description.get("correlation-filter"), dict):
        system = {
            field: str(correlation[key])
            for key, field in _REQUEST_FIELDS.items()
            if correlation.get(key) not in (None, "")
        }
        return Rule(name, CorrelationFilter(system, dict(correlation.get("properties") or {})))
    raise argument_error(f"The rule '{name}' has neither a SQL filter nor a correlation filter.")


def describe_rule(rule: Rule) -> Described:
    """As `enumerate-rules` answers it: filter, action, name."""
    return Described(_RULE, [_describe_filter(rule.filter), Described(_EMPTY_ACTION, []), rule.name])


def encode_rule(rule: Rule) -> bytes:
    return encode(describe_rule(rule))


def decode_rule(data: bytes) -> Rule:
    """The inverse of `encode_rule`."""
    described = decode(data)[0]
    filter_, _, name = described.value
    return Rule(name, _read_filter(filter_))


def _describe_filter(filter_: Filter) -> Described:
    match filter_:
        case ConstantFilter(True):
            return Described(_TRUE_FILTER, [])
        case ConstantFilter():
            return Described(_FALSE_FILTER, [])
        case SqlFilter(expression):
            return Described(_SQL_FILTER, [expression, None])
        case CorrelationFilter(system, user):
            return Described(_CORRELATION_FILTER, [*map(system.get, _REQUEST_FIELDS.values()), dict(user)])


def _read_filter(described: Described) -> Filter:
    if described.descriptor in (_TRUE_FILTER, _FALSE_FILTER):
        return ConstantFilter(described.descriptor == _TRUE_FILTER)
    if described.descriptor == _SQL_FILTER:
        return SqlFilter(described.value[0])
    *fields, user = described.value
    system = {name: value for name, value in zip(_REQUEST_FIELDS.values(), fields, strict=True) if value is not None}
    return CorrelationFilter(system, user)
