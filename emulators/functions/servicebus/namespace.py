"""Which Service Bus namespace a connection setting names."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from emulators.functions.configuration import Configuration

_DEFAULT_PORT = 5672
_REDACTED = "<< REDACTED >> (a full connection string was incorrectly used instead of a connection setting name)"


class ConnectionStringError(ValueError):
    """A connection setting that this client cannot use; the message says what is missing."""


@dataclass(frozen=True)
class Namespace:
    """Where a namespace is and how to sign for it. Equal ones share a connection, as in the extension."""

    host: str
    port: int
    key_name: str
    key: str


def namespace_of(connection: str, environment: Mapping[str, str]) -> Namespace:
    """The namespace behind the setting that a binding names as its connection.

    Raises ConnectionStringError for a missing setting, a malformed one, one that needs TLS (whatever is not an
    emulator does), and for identity-based connections.
    """
    found = Configuration(environment).connection(connection, plain_first=True)
    if found is None:
        name = _REDACTED if "SharedAccessKey" in connection else connection
        raise ConnectionStringError(
            f"Service Bus account connection string with name '{name}' does not exist in the settings. Make sure that "
            "it is a defined App Setting."
        )
    connection, content = found.name, found.value
    if content is None or not content.strip():
        if found.child("fullyQualifiedNamespace"):
            raise ConnectionStringError(
                f"{connection}__fullyQualifiedNamespace: identity-based connections are not supported by devstack; "
                f"set {connection} to a connection string"
            )
        raise ConnectionStringError(f"the setting {connection} has no value, and {_SHAPE}")
    parts = dict(part.split("=", 1) for part in content.split(";") if "=" in part)
    try:
        endpoint = urlsplit(parts["Endpoint"])
        namespace = Namespace(
            host=endpoint.hostname or "",
            port=endpoint.port or _DEFAULT_PORT,
            key_name=parts["SharedAccessKeyName"],
            key=parts["SharedAccessKey"],
        )
    except (KeyError, ValueError) as error:
        raise ConnectionStringError(f"the setting {connection} {_SHAPE}") from error
    if endpoint.scheme != "sb" or not namespace.host:
        raise ConnectionStringError(f"the setting {connection} {_SHAPE}")
    if parts.get("UseDevelopmentEmulator", "").lower() != "true":
        raise ConnectionStringError(
            f"the setting {connection} has no UseDevelopmentEmulator=true: this host speaks to a local Service Bus "
            "only, without TLS"
        )
    if "EntityPath" in parts:
        raise ConnectionStringError(
            f"the setting {connection} has an EntityPath; the binding names the entity, the setting the namespace"
        )
    return namespace


_SHAPE = "must hold Endpoint=sb://<host>[:<port>];SharedAccessKeyName=…;SharedAccessKey=…;UseDevelopmentEmulator=true;"
