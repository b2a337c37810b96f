"""The entities of a namespace, from the `config.json` of the official emulator, held inside its limits.

Format and limits: the Config-Schema of azure-service-bus-emulator-installer. One default differs: without a
`DefaultMessageTimeToLive` messages live until they are received, as in Azure, where the emulator gives them an hour.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from emulators.servicebus.durations import parse_duration
from emulators.servicebus.rules import DEFAULT_RULE, Rule, correlation_rule, sql_rule
from emulators.servicebus.sql.errors import SqlError

MAX_ENTITIES: Final = 50
MAX_SUBSCRIPTIONS: Final = 50
MAX_RULES: Final = 1000
_NAME: Final = re.compile(r"[A-Za-z0-9]|[A-Za-z0-9][\w\-./]*[A-Za-z0-9]", re.ASCII)
_COMMENT: Final = re.compile(r'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/', re.DOTALL)


class ConfigError(Exception):
    """A configuration that no emulator would take; the message says where and why, in one line."""


@dataclass(frozen=True)
class QueueSettings:
    """Of a queue or a subscription, whose `name` then is `topic/Subscriptions/name`."""

    name: str
    lock_duration: timedelta = timedelta(minutes=1)
    max_delivery_count: int = 10
    requires_session: bool = False
    default_time_to_live: timedelta | None = None
    dead_lettering_on_expiration: bool = False
    duplicate_detection_window: timedelta | None = None


@dataclass(frozen=True)
class SubscriptionSettings:
    queue: QueueSettings
    rules: tuple[Rule, ...]


@dataclass(frozen=True)
class TopicSettings:
    name: str
    subscriptions: tuple[SubscriptionSettings, ...]
    default_time_to_live: timedelta | None = None
    duplicate_detection_window: timedelta | None = None


@dataclass(frozen=True)
class NamespaceSettings:
    name: str
    queues: tuple[QueueSettings, ...]
    topics: tuple[TopicSettings, ...]


def read_config(path: Path) -> NamespaceSettings:
    """Raises ConfigError."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
    try:
        return parse_config(text)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def parse_config(text: str) -> NamespaceSettings:
    """JSON, in which `//` and `/* */` comments are allowed as in the published sample."""
    try:
        content = json.loads(_COMMENT.sub(lambda found: found[1] or " ", text))
    except ValueError as error:
        raise ConfigError(f"no JSON: {error}") from error
    document = _Node(content, "the document")
    namespaces = document.child("UserConfig").children("Namespaces")
    if len(namespaces) != 1:
        raise ConfigError(f"UserConfig.Namespaces: one namespace, not {len(namespaces)}")
    (namespace,) = namespaces
    queues = tuple(_queue(node) for node in namespace.children("Queues"))
    topics = tuple(_topic(node) for node in namespace.children("Topics"))
    if len(queues) + len(topics) > MAX_ENTITIES:
        raise ConfigError(f"{len(queues) + len(topics)} queues and topics; the emulator allows {MAX_ENTITIES}")
    _require_different("queue or topic", [*(queue.name for queue in queues), *(topic.name for topic in topics)])
    return NamespaceSettings(namespace.name(), queues, topics)


def _queue(node: _Node) -> QueueSettings:
    return _line(node, node.name(), _window(node.properties()))


def _line(node: _Node, name: str, window: timedelta | None) -> QueueSettings:
    properties = node.properties()
    for feature in ("ForwardTo", "ForwardDeadLetteredMessagesTo"):
        if properties.text(feature):
            raise ConfigError(f"{properties.path}.{feature}: devstack does not support forwarding")
    return QueueSettings(
        name,
        properties.duration("LockDuration", timedelta(seconds=5), timedelta(minutes=5)) or timedelta(minutes=1),
        properties.whole("MaxDeliveryCount", 10, 1, 10),
        properties.flag("RequiresSession"),
        _time_to_live(properties),
        properties.flag("DeadLetteringOnMessageExpiration"),
        window,
    )


def _topic(node: _Node) -> TopicSettings:
    name = node.name()
    subscriptions = tuple(_subscription(each, name) for each in node.children("Subscriptions"))
    if len(subscriptions) > MAX_SUBSCRIPTIONS:
        raise ConfigError(f"topic {name}: {len(subscriptions)} subscriptions; the emulator allows {MAX_SUBSCRIPTIONS}")
    _require_different(f"subscription of topic {name}", [each.queue.name for each in subscriptions])
    properties = node.properties()
    return TopicSettings(name, subscriptions, _time_to_live(properties), _window(properties))


def _subscription(node: _Node, topic: str) -> SubscriptionSettings:
    rules = tuple(_rule(each) for each in node.children("Rules")) or (DEFAULT_RULE,)
    if len(rules) > MAX_RULES:
        raise ConfigError(f"{node.path}: {len(rules)} rules; the emulator allows {MAX_RULES}")
    _require_different(f"rule of {node.path}", [rule.name for rule in rules])
    return SubscriptionSettings(_line(node, f"{topic}/Subscriptions/{node.name()}", None), rules)


def _rule(node: _Node) -> Rule:
    properties = node.properties()
    if properties.has("Action"):
        raise ConfigError(f"{properties.path}.Action: devstack does not support actions of rules")
    kind = properties.text("FilterType")
    if kind == "Correlation":
        return correlation_rule(node.name(), properties.child("CorrelationFilter").fields())
    if kind == "Sql":
        expression = properties.child("SqlFilter").text("SqlExpression")
        try:
            return sql_rule(node.name(), expression)
        except SqlError as error:
            raise ConfigError(f"{properties.path}.SqlFilter.SqlExpression: {error}") from error
    raise ConfigError(f"{properties.path}.FilterType: 'Correlation' or 'Sql', not {kind!r}")


def _time_to_live(properties: _Node) -> timedelta | None:
    return properties.duration("DefaultMessageTimeToLive", timedelta(seconds=1), timedelta(hours=1))


def _window(properties: _Node) -> timedelta | None:
    given = properties.duration("DuplicateDetectionHistoryTimeWindow", timedelta(seconds=20), timedelta(minutes=5))
    return (given or timedelta(minutes=5)) if properties.flag("RequiresDuplicateDetection") else None


def _require_different(what: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name.lower() in seen:
            raise ConfigError(f"two of one name, each a {what}: {name}")
        seen.add(name.lower())


class _Node:
    """An object of the document, and where it is."""

    def __init__(self, value: Any, path: str) -> None:
        if not isinstance(value, dict):
            raise ConfigError(f"{path}: an object, not {json.dumps(value)[:40]}")
        self._value = value
        self.path = path

    def name(self) -> str:
        name = self.text("Name")
        if not _NAME.fullmatch(name):
            raise ConfigError(f"{self.path}.Name: {name!r} is no name of an entity")
        return name

    def has(self, key: str) -> bool:
        return self._value.get(key) is not None

    def child(self, key: str) -> _Node:
        return _Node(self._value.get(key), self._at(key))

    def properties(self) -> _Node:
        """The child `Properties`, which may be absent."""
        return _Node(self._value.get("Properties", {}), self._at("Properties"))

    def children(self, key: str) -> list[_Node]:
        value = self._value.get(key) or []
        if not isinstance(value, list):
            raise ConfigError(f"{self._at(key)}: a list, not {json.dumps(value)[:40]}")
        return [_Node(each, f"{self._at(key)}[{index}]") for index, each in enumerate(value)]

    def fields(self) -> dict[str, Any]:
        return dict(self._value)

    def text(self, key: str) -> str:
        return str(self._typed(key, "", str, "a text"))

    def flag(self, key: str) -> bool:
        return bool(self._typed(key, False, bool, "true or false"))

    def whole(self, key: str, default: int, low: int, high: int) -> int:
        value = self._typed(key, default, int, "a whole number")
        if isinstance(value, bool) or not low <= value <= high:
            raise ConfigError(f"{self._at(key)}: {low} to {high}, not {json.dumps(value)}")
        return int(value)

    def duration(self, key: str, low: timedelta, high: timedelta) -> timedelta | None:
        text = self.text(key)
        if not text:
            return None
        try:
            value = parse_duration(text)
        except ValueError as error:
            raise ConfigError(f"{self._at(key)}: {error}") from error
        if not low <= value <= high:
            raise ConfigError(f"{self._at(key)}: {low} to {high} (h:mm:ss), not {text}")
        return value

    def _typed(self, key: str, default: Any, type_: type, what: str) -> Any:
        value = self._value.get(key)
        if value is None:
            return default
        if not isinstance(value, type_):
            raise ConfigError(f"{self._at(key)}: {what}, not {json.dumps(value)[:40]}")
        return value

    def _at(self, key: str) -> str:
        return key if self.path == "the document" else f"{self.path}.{key}"
