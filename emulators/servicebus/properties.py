"""What filters see of a message: its properties, decoded when a filter first asks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from emulators.amqp.performatives import Properties

# By lower-case name, the system properties that SQL filters may name as `sys.Name`.
SYSTEM_PROPERTIES: Final[dict[str, Callable[[Properties], Any]]] = {
    "messageid": lambda properties: _text(properties.message_id),
    "correlationid": lambda properties: _text(properties.correlation_id),
    "label": lambda properties: properties.subject,
    "subject": lambda properties: properties.subject,
    "to": lambda properties: properties.to,
    "replyto": lambda properties: properties.reply_to,
    "replytosessionid": lambda properties: properties.reply_to_group_id,
    "sessionid": lambda properties: properties.group_id,
    "contenttype": lambda properties: properties.content_type,
}


class MessageProperties:
    """`application` decodes the application properties, by their own names."""

    def __init__(self, properties: Properties, application: Callable[[], dict[Any, Any]]) -> None:
        self._properties = properties
        self._application = application
        self._exact: dict[Any, Any] | None = None
        self._lower: dict[str, Any] | None = None

    def system(self, name: str) -> Any:
        """A property of `SYSTEM_PROPERTIES`; None when the message has none."""
        return SYSTEM_PROPERTIES[name](self._properties)

    def user(self, name: str) -> Any:
        """An application property, by lower-case name."""
        if self._lower is None:
            self._lower = {str(key).lower(): value for key, value in self.application().items()}
        return self._lower.get(name)

    def application(self) -> dict[Any, Any]:
        if self._exact is None:
            self._exact = self._application()
        return self._exact


def _text(value: Any) -> Any:
    return None if value is None else str(value)
